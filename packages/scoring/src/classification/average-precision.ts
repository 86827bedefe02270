/** Average precision of each of several labels that may hold together, as LAION's CLIP_benchmark computes it. */
import { named } from '../metrics.ts';
import { mean, type Statistic } from '../score.ts';

export interface AveragePrecisionInput {
  /** [samples, classes] */
  readonly scores: Float32Array;
  readonly classes: number;
  /** [samples, classes]: 1 where the label holds. */
  readonly targets: Int32Array;
}

export interface AveragePrecision {
  readonly perClass: readonly number[];
  /** Over the classes; one without a positive sample counts as 0. */
  readonly mean: number;
}

/** Mean precision over the ranks at which a positive sample stands, from the highest score; of equal ones the lower index first. */
export function averagePrecision(input: AveragePrecisionInput): AveragePrecision {
  const perClass = rankedClasses(input).map((ranked) => precisionOf(ranked, () => 1));
  return { perClass, mean: mean(perClass) };
}

/** Each sample on its own. It has no figure for a sample: one sample has no ranking. */
export function averagePrecisionStatistic(input: AveragePrecisionInput): Statistic {
  const ranked = rankedClasses(input);
  const of = (weight: (sample: number) => number) => mean(ranked.map((one) => precisionOf(one, weight)));
  return {
    ...named('mean_average_precision'),
    value: of(() => 1),
    samples: input.scores.length / input.classes,
    of: (weights) => of((sample) => weights[sample]!),
  };
}

interface RankedSample {
  readonly sample: number;
  readonly positive: boolean;
}

/** For each class all samples, the best first. */
function rankedClasses({ scores, classes, targets }: AveragePrecisionInput): RankedSample[][] {
  if (scores.length !== targets.length || scores.length % classes !== 0)
    throw new RangeError(`scores and targets must be [samples, ${classes}]`);
  const samples = [...new Array(scores.length / classes).keys()];
  return Array.from({ length: classes }, (_, label) => {
    const score = (sample: number) => scores[sample * classes + label]!;
    return samples
      .toSorted((a, b) => score(b) - score(a))
      .map((sample) => ({ sample, positive: targets[sample * classes + label] === 1 }));
  });
}

/** A sample that counts several times stands at as many ranks in a row. */
function precisionOf(ranked: readonly RankedSample[], weight: (sample: number) => number): number {
  let [rank, positives, precisions] = [0, 0, 0];
  for (const { sample, positive } of ranked)
    for (let copy = weight(sample); copy > 0; copy--) {
      rank++;
      if (positive) precisions += ++positives / rank;
    }
  return precisions / Math.max(1, positives);
}
