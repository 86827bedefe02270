/**
 * Who did what, when, from where. An act that changes the record is told in the same transaction; what was refused, or has
 * no transaction, right after.
 */
import type { AuditEntry, AuditQuery } from '@triptych/protocol';
import type { Database, Transaction } from './database.ts';
import type { AuditEntry as AuditRow } from './generated/client.ts';
import { newId } from './identifier.ts';
import { after, DEFAULT_LIMIT, newestFirst, pageOf } from './page-cursor.ts';
import { storableText } from './storable.ts';

/** What somebody asks for. Stores that do it tell it with {@link recordAct} or {@link entriesOf}, whose transaction then has it. */
export interface Act {
  /** Name of the principal; absent: nobody who is known. */
  readonly actor?: string | undefined;
  readonly tokenId?: string | undefined;
  /** operationId of the request. */
  readonly action: string;
  readonly address?: string | undefined;
  /** Set when an entry of it is part of a transaction. */
  recorded: boolean;
}

export interface Told extends Omit<Act, 'recorded'> {
  readonly outcome: AuditEntry['outcome'];
  readonly subject?: string | undefined;
  readonly code?: string | undefined;
  readonly count?: number;
}

/** As a part of the transaction that does it. */
export async function recordAct(
  transaction: Transaction,
  act: Act | undefined,
  subject: string,
): Promise<void> {
  for (const entry of entriesOf(transaction, act, subject)) await entry;
}

/** {@link recordAct} for a transaction that is a list of statements. */
export function entriesOf(
  { auditEntry }: Pick<Transaction, 'auditEntry'>,
  act: Act | undefined,
  subject: string,
) {
  if (!act) return [];
  act.recorded = true;
  return [auditEntry.create({ data: rowOf({ ...act, subject, outcome: 'done' }) })];
}

export class AuditLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async record(told: Told): Promise<void> {
    await this.#database.client.auditEntry.create({ data: rowOf(told) });
  }

  /** Newest first. */
  async list({
    limit = DEFAULT_LIMIT,
    cursor,
    from,
    until,
    ...equal
  }: AuditQuery): Promise<{ items: AuditEntry[]; nextCursor?: string }> {
    const rows = await this.#database.client.auditEntry.findMany({
      where: {
        ...equal,
        AND: [
          after(cursor),
          { createdAt: { ...(from && { gte: new Date(from) }), ...(until && { lt: new Date(until) }) } },
        ],
      },
      orderBy: newestFirst,
      take: limit + 1,
    });
    return pageOf(rows, { limit, item: entryOf });
  }

  /** Removes what is older; resolves to how many that were. */
  async prune(before: Date): Promise<number> {
    const { count } = await this.#database.client.auditEntry.deleteMany({
      where: { createdAt: { lt: before } },
    });
    return count;
  }
}

const rowOf = ({ actor, tokenId, action, subject, outcome, code, address, count = 1 }: Told) => ({
  ...{ id: newId('audit'), action, outcome, count },
  actor: actor ?? null,
  tokenId: tokenId ?? null,
  subject: subject === undefined ? null : storableText(subject),
  code: code ?? null,
  address: address ?? null,
});

const entryOf = (row: AuditRow): AuditEntry => ({
  id: row.id,
  at: row.createdAt.toISOString(),
  ...(row.actor === null ? {} : { actor: row.actor }),
  ...(row.tokenId === null ? {} : { tokenId: row.tokenId }),
  action: row.action,
  ...(row.subject === null ? {} : { subject: row.subject }),
  outcome: row.outcome as AuditEntry['outcome'],
  ...(row.code === null ? {} : { code: row.code }),
  ...(row.address === null ? {} : { address: row.address }),
  count: row.count,
});
