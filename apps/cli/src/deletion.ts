/** Deleting what a user names: several at once, each answered for itself, asked about first where somebody is there to answer. */
import { TriptychError } from '@triptych/protocol';
import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { exitCodeOfError } from './exit-codes.ts';
import { jsonText } from './json-text.ts';

export interface Deletable {
  /** run, dataset, model. */
  readonly what: string;
  readonly description: string;
  readonly delete: (idOrName: string) => Promise<void>;
}

interface Outcome {
  readonly name: string;
  readonly deleted: boolean;
  readonly code?: string;
  readonly message?: string;
}

/** The sub-command `delete`, the same for everything that can be deleted. */
export function registerDeletion(parent: Command, context: CommandContext, deletable: Deletable): void {
  const { what, description } = deletable;
  parent
    .command('delete')
    .description(description)
    .argument(`<${what}...>`, `ids or names; for each that cannot be deleted the reason is said`)
    .option('-y, --yes', 'without asking first; nobody is asked where the input is no terminal')
    .option('--json', 'what became of each, as JSON')
    .action((names: string[], options: { yes?: boolean; json?: boolean }) =>
      deleteAll(context, { ...deletable, ...options, names: [...new Set(names)] }),
    );
}

async function deleteAll(
  context: CommandContext,
  { what, names, yes, json, ...deletable }: Deletable & { names: string[]; yes?: boolean; json?: boolean },
): Promise<void> {
  const { stdout, stderr } = context;
  const plural = names.length === 1 ? what : `${names.length} ${what}s`;
  if (!yes && context.confirm && !(await context.confirm(`Delete ${plural} ${names.join(', ')}?`))) {
    stderr.write('Nothing was deleted\n');
    return;
  }
  const outcomes: Outcome[] = [];
  for (const name of names) {
    try {
      await deletable.delete(name);
      outcomes.push({ name, deleted: true });
      if (!json) stdout.write(`${name}  deleted\n`);
    } catch (error) {
      if (!(error instanceof TriptychError)) throw error;
      const { code, message } = error;
      outcomes.push({ name, deleted: false, code, message });
      if (!json) stderr.write(`${name}: ${message}\n`);
      context.exitWith(exitCodeOfError(error));
    }
  }
  if (json) stdout.write(jsonText(outcomes));
}
