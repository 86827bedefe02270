/** triptych artifacts collect: room is made at once, instead of within minutes. */
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { jsonText } from '../json-text.ts';

export function register(program: Command, context: CommandContext): void {
  const { stdout, signal } = context;
  program
    .command('artifacts')
    .description('the bytes of datasets, checkpoints and models')
    .command('collect')
    .description(
      'remove what nothing refers to any more; the control plane does so by itself every ten minutes',
    )
    .option('--json', 'what was kept and removed, as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const done = await context.client().collectArtifacts({ signal });
      const { removed, removedBytes, waiting, kept } = done;
      const told = `removed ${removed} (${removedBytes} bytes), kept ${kept}; ${waiting} may go later\n`;
      stdout.write(json ? jsonText(done) : told);
    });
}
