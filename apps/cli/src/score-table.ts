/** The scores of a run: each result beside the untrained baseline and what guessing would give. */
import type { Score } from '@triptych/protocol';
import { renderTable } from './table.ts';

/** One row for each task and metric, in the order of the scores. `-` where there is no such score. */
export function scoreTable(scores: readonly Score[]): string {
  const rows = new Map<string, Score[]>();
  for (const score of scores) {
    const key = JSON.stringify([score.task, score.split, score.metric]);
    rows.set(key, [...(rows.get(key) ?? []), score]);
  }
  return renderTable({
    head: ['task', 'split', 'metric', 'final', 'baseline', 'chance', 'samples'],
    rows: [...rows.values()].map(rowOf),
    right: [3, 4, 5, 6],
  });
}

function rowOf(scores: readonly Score[]): string[] {
  const { task, split, metric } = scores[0]!;
  const final = scores.findLast(({ stage }) => stage === 'final');
  const baseline = scores.findLast(({ stage }) => stage === 'baseline');
  const chance = final?.chance ?? baseline?.chance;
  const { samples, unit } = (final ?? baseline)!;
  const shown = (value: number | undefined) => scoreText(value, unit);
  return [task, split, metric, shown(final?.value), shown(baseline?.value), shown(chance), String(samples)];
}

/** A ratio as a percentage, a number as it is; `-` where there is none. */
export const scoreText = (value: number | undefined, unit: Score['unit']): string =>
  (unit === 'ratio' ? percent : plain)(value);

const plain = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(3));

const percent = (value: number | undefined): string =>
  value === undefined ? '-' : `${(value * 100).toFixed(1)} %`;
