/** `triptych quickstart`, which `npm run quickstart` calls. */
import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { duration } from '../duration.ts';
import { exitCodes } from '../exit-codes.ts';
import { Ending } from '../local/index.ts';
import { integer } from '../option-values.ts';
import { ProgressDisplay } from '../progress.ts';
import { scoreTable } from '../score-table.ts';
import { type JourneyName, journeys } from './journeys.ts';
import { predictionLines } from './predictions.ts';
import { type Quickstart, quickstart } from './quickstart.ts';

interface CommandOptions {
  readonly architecture: JourneyName;
  readonly workers: number;
  readonly steps?: number;
  readonly backend?: string;
  readonly seed?: number;
  readonly keep?: boolean;
  readonly json?: string;
  readonly home: string;
}

export function register(program: Command, context: CommandContext): void {
  program
    .command('quickstart')
    .description('start everything, train a small model on sample images, show its scores, stop')
    .addOption(
      new Option('-a, --architecture <name>', 'what is trained')
        .choices(Object.keys(journeys))
        .default('clip'),
    )
    .option('-w, --workers <n>', 'worker processes', between(1, 32), 2)
    .option('--steps <k>', 'optimizer steps (default: those of the recipe)', between(1, 1_000_000))
    .addOption(
      new Option('--backend <name>', 'tensor backend of the workers (default: the best there is)').choices([
        'tensorflow',
        'webgpu',
        'wasm',
        'cpu',
      ]),
    )
    .option('--seed <s>', 'seed of the run', between(0, 4_294_967_295))
    .option('--keep', 'leave everything running until Ctrl-C')
    .option('--json <file>', 'write run, scores, baseline, weights, samplesPerSecond and seconds')
    .option('--home <folder>', 'where everything is kept', '.triptych')
    .action((options: CommandOptions) => run(options, context));
}

async function run(options: CommandOptions, context: CommandContext): Promise<void> {
  const { stdout } = context;
  using ending = new Ending();
  const display = new ProgressDisplay({ output: stdout });
  let result: Quickstart | undefined;
  try {
    result = await quickstart({
      ...options,
      installSeconds: Number(process.env['TRIPTYCH_INSTALL_SECONDS'] ?? 0),
      display,
      signal: ending.signal,
    });
    stdout.write(describe(result));
    if (options.json) await writeFile(options.json, `${JSON.stringify(result.report, null, 2)}\n`);
    if (options.keep) {
      stdout.write(`\nEverything stays up at ${result.stack.url} until Ctrl-C.\n`);
      await ending.requested;
    }
  } catch (error) {
    display.finish();
    if (!ending.signal.aborted) throw error;
    stdout.write('Stopping...\n');
    context.exitWith(exitCodes.interrupted);
  } finally {
    await result?.stack.stop();
  }
}

function describe({ report, stack }: Quickstart): string {
  const { run, weights, seconds } = report;
  return `
${scoreTable(run.scores)}
${predictionLines(report.predictions)}weights   ${weights.path}
          sha256 ${weights.sha256}: the same for any number of workers
training  ${report.samplesPerSecond.toFixed(0)} samples/s on ${report.workers} workers, ${run.progress.step} steps of ${run.spec.batch.global} samples
took      ${duration(seconds.total)}: install ${duration(seconds.install)}, start ${duration(seconds.start)}, train ${duration(seconds.train)}, evaluate ${duration(seconds.evaluate)}
state     ${stack.home} (logs in ${stack.logsPath})
again     npm run quickstart -- --keep   leaves the page ${stack.url}/, the API at /docs and /metrics up
`;
}

function between(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = integer(text);
    if (value < minimum || value > maximum) {
      throw new InvalidArgumentError(`Give a whole number from ${minimum} to ${maximum}.`);
    }
    return value;
  };
}
