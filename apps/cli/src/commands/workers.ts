/** triptych workers: the fleet. */
import type { Worker } from '@triptych/protocol';
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { jsonText } from '../json-text.ts';
import { renderTable } from '../table.ts';

export function register(program: Command, context: CommandContext): void {
  program
    .command('workers')
    .description('the workers: backend, device, how they compute, state, what they train')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const all: Worker[] = [];
      for await (const worker of context.client().workers({ signal: context.signal })) all.push(worker);
      context.stdout.write(json ? jsonText(all) : workerTable(all));
    });
}

const workerTable = (workers: readonly Worker[]): string =>
  renderTable({
    head: [
      'worker',
      'address',
      'pool',
      'backend',
      'device',
      'threads',
      'numerics',
      'memory',
      'lag',
      'state',
      'run',
    ],
    rows: workers.map((worker) => [
      worker.id,
      worker.address,
      worker.pool,
      worker.backend,
      worker.device,
      String(worker.threads),
      worker.numerics
        ? `${worker.numerics.digest} (${worker.numerics.gemm}, ${worker.numerics.precision})`
        : '',
      `${(worker.memoryUsedBytes / 2 ** 30).toFixed(1)}/${(worker.memoryBytes / 2 ** 30).toFixed(1)} GiB`,
      `${worker.eventLoopLagMs.toFixed(0)} ms`,
      worker.state,
      worker.runId === undefined ? '' : `${worker.runId} (rank ${worker.rank ?? '?'})`,
    ]),
    right: [5, 7, 8],
  });
