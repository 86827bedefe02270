/** triptych tokens, me, audit: who may do what, and who did it. */
import { type ApiToken, type AuditEntry, auditOutcomes, type Scope, scopes } from '@triptych/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { jsonText } from '../json-text.ts';
import { integer } from '../option-values.ts';
import { renderTable } from '../table.ts';

interface JsonFlag {
  readonly json?: boolean;
}

interface CreateOptions extends JsonFlag {
  readonly scope: Scope;
  readonly expires?: string;
}

interface AuditOptions extends JsonFlag {
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly outcome?: AuditEntry['outcome'];
  readonly from?: string;
  readonly until?: string;
  readonly limit: number;
}

export function register(program: Command, context: CommandContext): void {
  const { stdout, signal } = context;
  const tokens = program.command('tokens').description('API tokens (needs the scope admin)');

  tokens
    .command('create')
    .description('a new token; its secret is shown once')
    .argument('<name>', 'whose it is')
    .addOption(new Option('--scope <scope>', 'what it lets do').choices(scopes).makeOptionMandatory())
    .option('--expires <when>', 'in so many days (30d) or hours (12h), or at a time; otherwise never', expiry)
    .option('--json', 'the token as JSON')
    .action(async (name: string, { scope, expires, json }: CreateOptions) => {
      const body = { name, scope, ...(expires === undefined ? {} : { expiresAt: expires }) };
      const created = await context.client().access.createToken(body, { signal });
      stdout.write(
        json ? jsonText(created) : `${created.token}\n\n${tokenTable([created])}It is not shown again.\n`,
      );
    });

  tokens
    .command('list')
    .description('all tokens, newest first, without their secrets')
    .option('--json', 'as JSON')
    .action(async ({ json }: JsonFlag) => {
      const all = await collect(context.client().access.tokens({ signal }));
      stdout.write(json ? jsonText(all) : tokenTable(all));
    });

  tokens
    .command('revoke')
    .description('end a token, and every login that came from it')
    .argument('<id>', 'as the list shows it')
    .option('--json', 'the token as JSON')
    .action(async (id: string, { json }: JsonFlag) => {
      const token = await context.client().access.revokeToken(id, { signal });
      stdout.write(json ? jsonText(token) : tokenTable([token]));
    });

  program
    .command('me')
    .description('who the service takes you for, and what you may do')
    .option('--json', 'as JSON')
    .action(async ({ json }: JsonFlag) => {
      const me = await context.client().access.me({ signal });
      stdout.write(json ? jsonText(me) : `${me.name}  ${me.scope}  (by ${me.via})\n`);
    });

  program
    .command('audit')
    .description('who did what, newest first (needs the scope admin)')
    .option('--actor <name>', 'only what this one did')
    .option('--action <action>', 'only this: createRun, cancelRun, createLogin ...')
    .option('--subject <id>', 'only what was done to this run, dataset, model or token')
    .addOption(new Option('--outcome <outcome>', 'only what ended so').choices(auditOutcomes))
    .option('--from <time>', 'only then or later', time)
    .option('--until <time>', 'only before', time)
    .option('--limit <number>', 'at most so many', integer, 50)
    .option('--json', 'as JSON')
    .action(async ({ json, limit, ...filters }: AuditOptions) => {
      const entries: AuditEntry[] = [];
      const pageSize = Math.min(500, Math.max(1, limit));
      for await (const entry of context.client().access.audit({ ...filters, pageSize, signal })) {
        if (entries.length >= limit) break;
        entries.push(entry);
      }
      stdout.write(json ? jsonText(entries) : auditTable(entries));
    });
}

function expiry(text: string): string {
  const [, number, unit] = /^(\d{1,5})([dh])$/.exec(text) ?? [];
  if (number === undefined) return time(text);
  return new Date(Date.now() + Number(number) * (unit === 'd' ? 24 : 1) * 3_600_000).toISOString();
}

function time(text: string): string {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw new InvalidArgumentError('Give a time such as 2031-01-01T00:00:00Z.');
  return new Date(milliseconds).toISOString();
}

const tokenTable = (tokens: readonly ApiToken[]): string =>
  renderTable({
    head: ['token', 'name', 'scope', 'created', 'by', 'last used', 'expires', 'revoked'],
    rows: tokens.map(({ id, name, scope, createdAt, createdBy, lastUsedAt, expiresAt, revokedAt }) => [
      ...[
        id,
        name,
        scope,
        createdAt,
        createdBy,
        lastUsedAt ?? 'never',
        expiresAt ?? 'never',
        revokedAt ?? '',
      ],
    ]),
  });

const auditTable = (entries: readonly AuditEntry[]): string =>
  renderTable({
    head: ['time', 'actor', 'action', 'subject', 'outcome', 'code', 'address', 'count'],
    rows: entries.map(({ at, actor, action, subject, outcome, code, address, count }) => [
      ...[at, actor ?? '', action, subject ?? '', outcome, code ?? '', address ?? '', String(count)],
    ]),
    right: [7],
  });

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
