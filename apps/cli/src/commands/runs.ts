/** triptych list, get, cancel, accept-numerics, delete: the runs there are, one of them, its end or its going on, and no trace of it. */
import { isTerminal, type Run, type RunStatus, runStatuses } from '@triptych/protocol';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { registerDeletion } from '../deletion.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { integer } from '../option-values.ts';
import { runSummary } from '../run-summary.ts';
import { renderTable } from '../table.ts';
import { watchToTheEnd } from './watch.ts';

interface ListOptions {
  readonly status?: RunStatus;
  readonly dataset?: string;
  readonly model?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export function register(program: Command, context: CommandContext): void {
  const { stdout, signal } = context;

  program
    .command('list')
    .description('runs, newest first')
    .addOption(new Option('--status <status>', 'only runs with this status').choices(runStatuses))
    .option('--dataset <dataset>', 'only runs on this dataset, by id or name')
    .option('--model <name>', 'only runs of this model')
    .option('--limit <number>', 'at most so many', integer, 50)
    .option('--json', 'as JSON')
    .action(async (options: ListOptions) => {
      const runs = await newest(context, options);
      stdout.write(options.json ? jsonText(runs) : runTable(runs));
    });

  program
    .command('get')
    .description('one run: where it stands, its scores, its weights')
    .argument('<run>', 'id or name of the run')
    .option('--exit-status', 'exit with the code of its status')
    .option('--json', 'as JSON')
    .action(async (id: string, options: { json?: boolean; exitStatus?: boolean }) => {
      const run = await context.client().runs.get(id, { signal });
      stdout.write(options.json ? jsonText(run) : runSummary(run));
      if (options.exitStatus) context.exitWith(exitCodeOf(run.status));
    });

  program
    .command('cancel')
    .description('end a run')
    .argument('<run>', 'id or name of the run')
    .option('--watch', 'until it has ended; the exit code is that of its end')
    .option('--json', 'the run as JSON')
    .action(async (id: string, options: { watch?: boolean; json?: boolean }) => {
      const run = await context.client().runs.cancel(id, { signal });
      const follows = options.watch && !isTerminal(run.status);
      if (!options.json) stdout.write(`${run.id}  ${run.status}  ${run.message}\n`);
      else if (!follows) stdout.write(jsonText(run));
      if (follows) await watchToTheEnd(context, run.id, options);
    });

  program
    .command('accept-numerics')
    .description('let a waiting run go on with workers that compute other bits than those it began on')
    .argument('<run>', 'id or name of the run')
    .option('--json', 'the run as JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const run = await context.client().runs.acceptNumerics(id, { signal });
      stdout.write(options.json ? jsonText(run) : `${run.id}  ${run.status}  ${run.message}\n`);
    });

  registerDeletion(program, context, {
    what: 'run',
    description:
      'delete runs that are over, with all that is known of them; the models that they trained stay',
    delete: (id) => context.client().runs.delete(id, { signal }),
  });
}

async function newest(context: CommandContext, { limit, ...options }: ListOptions): Promise<Run[]> {
  const { status, dataset, model } = options;
  const filters = {
    ...(status === undefined ? {} : { status }),
    ...(dataset === undefined ? {} : { dataset }),
    ...(model === undefined ? {} : { model }),
  };
  const pageSize = Math.min(500, Math.max(1, limit));
  const runs: Run[] = [];
  if (limit <= 0) return runs;
  for await (const run of context.client().runs.list({ ...filters, pageSize, signal: context.signal })) {
    runs.push(run);
    if (runs.length >= limit) break;
  }
  return runs;
}

const runTable = (runs: readonly Run[]): string =>
  renderTable({
    head: ['run', 'name', 'status', 'reason', 'model', 'dataset', 'step', 'workers', 'created'],
    rows: runs.map((run) => [
      run.id,
      run.name ?? '',
      run.status,
      run.reason,
      run.spec.model,
      run.spec.dataset,
      `${run.progress.step}/${run.progress.totalSteps}`,
      String(run.worldSize),
      run.createdAt,
    ]),
    right: [6, 7],
  });
