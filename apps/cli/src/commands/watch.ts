/** triptych watch: follow a run until it has ended. */
import type { Command } from 'commander';
import { type CommandContext, Interrupted } from '../context.ts';
import { exitCodeOf, exitCodes } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { ProgressDisplay } from '../progress.ts';
import { runSummary } from '../run-summary.ts';
import { watchRun } from '../watch-run.ts';

export interface WatchFlags {
  readonly json?: boolean;
}

export function register(program: Command, context: CommandContext): void {
  program
    .command('watch')
    .description('follow a run until it has ended; Ctrl-C detaches and the run goes on')
    .argument('<run>', 'id or name of the run')
    .option('--json', 'the run as JSON when it has ended; its progress goes to the standard error')
    .addHelpText('after', '\nThe exit code is that of the end of the run: see triptych --help.\n')
    .action((run: string, flags: WatchFlags) => watchToTheEnd(context, run, flags));
}

/** By id or name. The exit code becomes that of the run's status; after Ctrl-C, "not finished". */
export async function watchToTheEnd(
  context: CommandContext,
  runId: string,
  flags: WatchFlags = {},
): Promise<void> {
  const { stdout, stderr, signal } = context;
  const output = flags.json ? stderr : stdout;
  try {
    const display = new ProgressDisplay({ output });
    const run = await watchRun({ client: context.client(), runId, display, signal });
    stdout.write(flags.json ? jsonText(run) : `\n${runSummary(run)}`);
    context.exitWith(exitCodeOf(run.status));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    output.write(`Detached; run ${runId} goes on. Come back with: triptych watch ${runId}\n`);
    context.exitWith(exitCodes.notFinished);
  }
}
