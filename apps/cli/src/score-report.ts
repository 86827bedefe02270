/** What scoring files found: as one document, and as a table for people. */
import { randomStream } from '@triptych/datasets';
import {
  confidenceIntervals,
  type Difference,
  formatDifference,
  formatScore,
  type Group,
  type Interval,
  pairedDifferences,
  type Scored,
  type Statistic,
  type Unit,
} from '@triptych/scoring';
import { renderTable } from './table.ts';

export interface ReportedMetric {
  readonly metric: string;
  readonly group?: Group;
  readonly value: number;
  readonly unit: Unit;
  readonly chance?: number;
  readonly samples: number;
  /** Absent where there are too few images for one. */
  readonly interval?: Interval;
  /** With `--compare`: the other predictions' value, and how much it is above this one. */
  readonly other?: number;
  readonly difference?: Omit<Difference, 'metric' | 'group'>;
}

export interface ScoreReport {
  readonly score: string;
  readonly files: Readonly<Record<string, string>>;
  readonly resampling: {
    readonly of: string;
    readonly clusters: number;
    readonly resamples: number;
    readonly seed: number;
  };
  readonly notes: readonly string[];
  readonly metrics: readonly ReportedMetric[];
}

export interface ReportOptions {
  readonly score: string;
  readonly files: Readonly<Record<string, string>>;
  readonly scored: Scored;
  /** Of the same samples. */
  readonly other?: Scored;
  readonly resamples: number;
  readonly seed: number;
}

export function scoreReport({ score, files, scored, other, resamples, seed }: ReportOptions): ScoreReport {
  const { statistics, clusters, notes } = scored;
  // The same images are drawn for everything that is said of these files.
  const resampling = () => ({
    ...{ clusters: clusters.count, resamples },
    integer: randomStream(seed, 'bootstrap').integer,
  });
  const intervals = resamples > 0 ? confidenceIntervals(statistics, resampling()) : [];
  const differences = other && pairedDifferences(statistics, other.statistics, resampling());
  return {
    score,
    files,
    resampling: { of: clusters.what, clusters: clusters.count, resamples, seed },
    notes: [...notes, ...(other?.notes ?? []).filter((note) => !notes.includes(note))],
    metrics: statistics.map(({ metric, group, value, unit, chance, samples }, i) => ({
      ...{ metric, value, unit, samples },
      ...(group && { group }),
      ...(chance !== undefined && { chance }),
      ...(intervals[i] && { interval: intervals[i] }),
      ...(differences && { other: other.statistics[i]!.value, difference: withoutNames(differences[i]!) }),
    })),
  };
}

const withoutNames = ({
  difference,
  interval,
  pValue,
}: Difference): Omit<Difference, 'metric' | 'group'> => ({
  difference,
  ...(interval && { interval }),
  ...(pValue !== undefined && { pValue }),
});

export function scoreReportText({ resampling, notes, metrics }: ScoreReport): string {
  const compared = metrics.some(({ difference }) => difference !== undefined);
  const grouped = metrics.some(({ group }) => group !== undefined);
  const columns: readonly (readonly [string, (one: ReportedMetric) => string, 'right'?])[] = [
    ['metric', ({ metric }) => metric],
    ...(grouped
      ? [['', ({ group }: ReportedMetric) => (group ? `${group.by}: ${group.name}` : '')] as const]
      : []),
    ['value', ({ value, unit }) => formatScore(value, { unit }), 'right'],
    [
      `${levelOf(metrics)} interval`,
      ({ interval, unit }) => between(interval, (value) => formatScore(value, { unit })),
      'right',
    ],
    ...(metrics.some(({ chance }) => chance !== undefined)
      ? [['chance', ({ chance, unit }: ReportedMetric) => formatScore(chance, { unit }), 'right'] as const]
      : []),
    ...(compared ? comparison : []),
    ['samples', ({ samples }) => String(samples), 'right'],
  ];
  const table = renderTable({
    head: columns.map(([head]) => head),
    rows: metrics.map((one) => columns.map(([, cell]) => cell(one))),
    right: columns.flatMap(([, , side], i) => (side === 'right' ? [i] : [])),
  });
  const { of, clusters, resamples, seed } = resampling;
  const drawn = `Intervals: ${resamples} resamples of ${clusters} ${of}s, seed ${seed}.\n`;
  return `${table}${resamples > 0 ? drawn : ''}${notes.map((note) => `Note: ${note}.\n`).join('')}`;
}

const comparison: readonly (readonly [string, (one: ReportedMetric) => string, 'right'])[] = [
  ['other', ({ other, unit }) => formatScore(other, { unit }), 'right'],
  ['difference', ({ difference, unit }) => formatDifference(difference?.difference, { unit }), 'right'],
  [
    'its interval',
    ({ difference, unit }) => between(difference?.interval, (value) => formatDifference(value, { unit })),
    'right',
  ],
  ['p', ({ difference }) => difference?.pValue?.toFixed(3) ?? '-', 'right'],
];

const between = (interval: Interval | undefined, shown: (value: number) => string): string =>
  interval ? `${shown(interval.low)} to ${shown(interval.high)}` : '-';

const levelOf = (metrics: readonly ReportedMetric[]): string =>
  `${100 * (metrics.find(({ interval }) => interval)?.interval?.level ?? 0.95)} %`;

/** A line of JSON for each sample that has figures: `{ "id", "metrics": { name: value } }`. Groups say nothing new of a sample. */
export function sampleLines(statistics: readonly Statistic[]): string {
  const samples = new Map<string, Record<string, number>>();
  for (const { metric, group, perSample } of statistics) {
    if (group || !perSample) continue;
    for (const [i, id] of perSample.ids.entries())
      samples.set(id, { ...samples.get(id), [metric]: perSample.values[i]! });
  }
  return [...samples].map(([id, metrics]) => `${JSON.stringify({ id, metrics })}\n`).join('');
}
