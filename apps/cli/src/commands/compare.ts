/** triptych compare: runs that were scored on the same data, beside each other. */
import type { RunComparison } from '@triptych/protocol';
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { jsonText } from '../json-text.ts';
import { scoreText } from '../score-table.ts';
import { renderTable } from '../table.ts';

export function register(program: Command, context: CommandContext): void {
  const { stdout, signal } = context;
  program
    .command('compare')
    .description(
      'what runs scored on the same data, and where their specs differ; refused where the data differ',
    )
    .argument('<run...>', 'ids or names of two runs at least')
    .option('--json', 'as JSON')
    .action(async (runs: string[], { json }: { json?: boolean }) => {
      const comparison = await context.client().runs.compare(runs, { signal });
      stdout.write(json ? jsonText(comparison) : comparisonTables(comparison));
    });
}

function comparisonTables({ runs, data, scores, differences }: RunComparison): string {
  const names = runs.map(({ id, name }) => name ?? id);
  const right = [...names.keys()].map((column) => column + 2);
  const part = data.limit === undefined ? '' : `, its first ${data.limit} samples`;
  const scored = renderTable({
    head: ['task', 'metric', ...names, 'chance'],
    rows: scores.map(({ task, metric, unit, chance, values }) => [
      ...[task, metric],
      ...values.map((value) => scoreText(value ?? undefined, unit)),
      scoreText(chance, unit),
    ]),
    right: [...right, names.length + 2],
  });
  const differing = renderTable({
    head: ['spec', ...names],
    rows: differences.map(({ path, values }) => [path, ...values.map((value) => JSON.stringify(value))]),
  });
  const where = `split ${data.split} of the dataset ${data.manifest}${part}\n\n`;
  return `${where}${scored}${differences.length > 0 ? `\n${differing}` : ''}`;
}
