/**
 * How sure a score is: percentile bootstrap over clusters (Efron, https://doi.org/10.1214/aos/1176344552), for one set of predictions and
 * for the difference of two (paired, as in Koehn, https://aclanthology.org/W04-3250). Clusters are drawn with
 * replacement, whole: questions about one image are not independent.
 */
import type { Statistic } from './score.ts';

export interface Resampling {
  readonly clusters: number;
  /** Draws from 0..count-1; the same draws give the same bits. */
  readonly integer: (count: number) => number;
  readonly resamples?: number;
  /** Share of the resamples that an interval holds. */
  readonly level?: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

export interface Difference {
  readonly metric: string;
  readonly group?: Statistic['group'];
  /** Second minus first. */
  readonly difference: number;
  readonly interval?: Interval;
  /**
   * How often resamples contradict the sign of the difference, twice, and at most 1: small where the second is better (or worse)
   * whichever images had been drawn.
   */
  readonly pValue?: number;
}

/** One for each statistic; undefined where there are fewer than two clusters or where some resamples have no value. */
export function confidenceIntervals(
  statistics: readonly Statistic[],
  resampling: Resampling,
): (Interval | undefined)[] {
  const values = statistics.map((): number[] => []);
  if (resampling.clusters < 2) return values.map(() => undefined);
  for (const weights of resampled(resampling))
    for (const [i, statistic] of statistics.entries()) values[i]!.push(statistic.of(weights));
  return values.map((drawn) => intervalOf(drawn, resampling));
}

/**
 * The same images are drawn for both, so what makes an image hard for both does not count as noise.
 * @throws RangeError if the two are not the same metrics.
 */
export function pairedDifferences(
  first: readonly Statistic[],
  second: readonly Statistic[],
  resampling: Resampling,
): Difference[] {
  if (first.length !== second.length || first.some((one, i) => !sameFigure(one, second[i]!)))
    throw new RangeError('only the same metrics of the same samples can be compared');
  const differences = first.map((): number[] => []);
  if (resampling.clusters >= 2)
    for (const weights of resampled(resampling))
      for (const [i, one] of first.entries()) differences[i]!.push(second[i]!.of(weights) - one.of(weights));
  return first.map((one, i) => {
    const interval = intervalOf(differences[i]!, resampling);
    return {
      metric: one.metric,
      ...(one.group && { group: one.group }),
      difference: second[i]!.value - one.value,
      ...(interval && { interval, pValue: pValueOf(differences[i]!) }),
    };
  });
}

const sameFigure = (a: Statistic, b: Statistic): boolean =>
  a.metric === b.metric &&
  a.group?.by === b.group?.by &&
  a.group?.name === b.group?.name &&
  a.samples === b.samples;

/** The same array every time. */
function* resampled({ clusters, integer, resamples = 1000 }: Resampling): Generator<Float64Array> {
  const weights = new Float64Array(clusters);
  for (let resample = 0; resample < resamples; resample++) {
    weights.fill(0);
    for (let drawn = 0; drawn < clusters; drawn++) weights[integer(clusters)]! += 1;
    yield weights;
  }
}

function intervalOf(drawn: readonly number[], { level = 0.95 }: Resampling): Interval | undefined {
  if (drawn.length === 0 || drawn.some(Number.isNaN)) return undefined;
  const sorted = Float64Array.from(drawn).sort();
  const tail = (1 - level) / 2;
  return { low: quantile(sorted, tail), high: quantile(sorted, 1 - tail), level };
}

/** Linear between the two nearest, as NumPy's default. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - below);
}

/** Counting the sample itself among the resamples, so that it is never 0. */
function pValueOf(differences: readonly number[]): number {
  const share = (holds: (difference: number) => boolean) =>
    (1 + differences.filter(holds).length) / (1 + differences.length);
  return Math.min(
    1,
    2 *
      Math.min(
        share((d) => d <= 0),
        share((d) => d >= 0),
      ),
  );
}
