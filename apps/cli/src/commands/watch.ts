/** triptych watch: follow a run until it has ended. */
import type { Command } from 'commander';
import { type CommandContext, Interrupted } from '../context.ts';
import { exitCodeOf, exitCodes } from '../exit-codes.ts';
import { ProgressDisplay } from '../progress.ts';
import { runSummary } from '../run-summary.ts';
import { watchRun } from '../watch-run.ts';

export function register(program: Command, context: CommandContext): void {
  program
    .command('watch')
    .description('follow a run until it has ended; Ctrl-C detaches and the run goes on')
    .argument('<run>', 'id of the run')
    .action((runId: string) => watchToTheEnd(context, runId));
}

/** The exit code becomes that of the run's status; after Ctrl-C, "not finished". */
export async function watchToTheEnd(context: CommandContext, runId: string): Promise<void> {
  const { signal } = context;
  try {
    const display = new ProgressDisplay({ output: context.stdout });
    const run = await watchRun({ client: context.client(), runId, display, signal });
    context.stdout.write(`\n${runSummary(run)}`);
    context.exitWith(exitCodeOf(run.status));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    context.stdout.write(`Detached; run ${runId} goes on. Come back with: triptych watch ${runId}\n`);
    context.exitWith(exitCodes.notFinished);
  }
}
