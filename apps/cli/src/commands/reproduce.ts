/** triptych reproduce: train a model again, and compare the weights bit for bit. */
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { exitCodeOf, exitCodes } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { integer } from '../option-values.ts';
import { ProgressDisplay } from '../progress.ts';
import { type Condition, reproductionOf } from '../reproduction/conditions.ts';
import { recordedModel } from '../reproduction/recorded-model.ts';
import { renderTable } from '../table.ts';
import { watchRun } from '../watch-run.ts';

interface ReproduceOptions {
  readonly workers?: number;
  readonly json?: boolean;
}

export function register(program: Command, context: CommandContext): void {
  program
    .command('reproduce')
    .description(
      'train a model again from what it says it was made from, and compare the weights bit for bit',
    )
    .argument('<model>', 'id or name of a run or of its model, or the folder of a model that was downloaded')
    .option('--workers <number>', 'at least and at most so many; any number gives the same weights', integer)
    .option('--json', 'conditions, run and verdict as JSON')
    .addHelpText('after', '\nThe exit code is 0 where the weights are the same, and 1 where they are not.\n')
    .action((model: string, options: ReproduceOptions) => reproduce(context, model, options));
}

async function reproduce(context: CommandContext, named: string, options: ReproduceOptions): Promise<void> {
  const { stdout, stderr, signal } = context;
  const client = context.client();
  const { provenance, weightsSha256 } = await recordedModel(context, named);
  const { spec, conditions } = await reproductionOf(provenance, { client, signal });
  if (!options.json) stdout.write(`${conditionTable(conditions)}\n`);
  const { workers } = options;
  const { id } = await client.runs.create(
    { ...spec, ...(workers === undefined ? {} : { workers: { min: workers, max: workers } }) },
    { signal },
  );
  const display = new ProgressDisplay({ output: stderr });
  const run = await watchRun({ client, runId: id, display, signal });
  if (run.status !== 'SUCCEEDED') {
    context.exitWith(exitCodeOf(run.status));
    stderr.write(`Run ${id} is ${run.status}: ${run.message}\n`);
    return;
  }
  const same = run.weights?.sha256 === weightsSha256;
  if (!same) context.exitWith(exitCodes.error);
  const result = { same, recorded: weightsSha256, here: run.weights?.sha256, run: id, conditions };
  stdout.write(options.json ? jsonText(result) : verdict(result));
}

const conditionTable = (conditions: readonly Condition[]): string =>
  renderTable({
    head: ['condition', 'recorded', 'here', ''],
    rows: conditions.map(({ what, recorded, here, same }) => [
      what,
      recorded,
      here,
      same ? 'same' : 'DIFFERS',
    ]),
  });

function verdict({
  same,
  recorded,
  here,
  conditions,
}: {
  readonly same: boolean;
  readonly recorded: string;
  readonly here: string | undefined;
  readonly conditions: readonly Condition[];
}): string {
  if (same) return `Reproduced: the weights are the same, sha256 ${recorded}\n`;
  const differing = conditions.filter((one) => !one.same);
  const why =
    differing.length > 0
      ? differing.map(({ what, recorded: was, here: is }) => `${what} was ${was} and is ${is}`).join('; ')
      : 'every condition that is recorded is the same: see "what voids it" in docs/guarantees.md';
  return `Not reproduced: sha256 was ${recorded} and is ${here}; ${why}\n`;
}
