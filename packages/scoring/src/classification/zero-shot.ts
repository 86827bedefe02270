/** Classification from class scores: top-1, top-5 (with at least five classes), mean per-class recall, confusion matrix. */
import { named } from '../metrics.ts';
import { rankOf } from '../rank.ts';
import {
  eachAlone,
  mean,
  meanOfSamples,
  type ScoreValue,
  type Statistic,
  scoreValue,
  type Weights,
} from '../score.ts';

export interface ZeroShotInput {
  /** [samples, classes] */
  readonly scores: Float32Array;
  readonly classes: number;
  /** The true class of each sample. */
  readonly labels: Int32Array;
}

export interface Classified {
  /** [samples]: how many classes come before the true one; of equal scores the lower class comes first. */
  readonly ranks: Int32Array;
  /** [samples]: the best class; -1 where no score is a number. */
  readonly predicted: Int32Array;
  /** [classes, classes]: how many samples of the class of the row were taken for that of the column. */
  readonly confusion: Int32Array;
}

/** @throws RangeError for scores of another shape, and for a label that is no class. */
export function classified({ scores, classes, labels }: ZeroShotInput): Classified {
  if (scores.length !== labels.length * classes)
    throw new RangeError(`scores must be [${labels.length}, ${classes}]`);
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0)
    throw new RangeError(`label ${labels[wrong]} of sample ${wrong} is none of ${classes} classes`);
  const row = (sample: number) => scores.subarray(sample * classes, (sample + 1) * classes);
  const ranks = Int32Array.from(labels, (target, sample) =>
    rankOf({ scores: row(sample), offset: 0, stride: 1, count: classes, target }),
  );
  const predicted = Int32Array.from(labels, (_, sample) => best(row(sample)));
  const confusion = new Int32Array(classes * classes);
  for (const [sample, label] of labels.entries())
    if (predicted[sample]! >= 0) confusion[label * classes + predicted[sample]!]! += 1;
  return { ranks, predicted, confusion };
}

function best(scores: Float32Array): number {
  let found = -1;
  for (const [index, score] of scores.entries())
    if (!Number.isNaN(score) && (found < 0 || score > scores[found]!)) found = index;
  return found;
}

/** Classes without samples are left out of the mean over classes. */
export const zeroShot = (input: ZeroShotInput): ScoreValue[] =>
  zeroShotStatistics(input, classified(input)).map(scoreValue);

/** Each sample on its own. */
export function zeroShotStatistics({ classes, labels }: ZeroShotInput, { ranks }: Classified): Statistic[] {
  const ids = Array.from(labels, (_, sample) => `sample ${sample}`);
  const clusters = eachAlone(labels.length);
  const hits = (k: number) => Float64Array.from(ranks, (rank) => (rank < k ? 1 : 0));
  const top = (k: 1 | 5) =>
    meanOfSamples({ ...named(`accuracy@${k}`), ids, values: hits(k), clusters, chance: k / classes });
  const first = hits(1);
  const recall = (weights: Weights) => meanRecall({ hits: first, labels, weights, classes });
  return [
    top(1),
    ...(classes >= 5 ? [top(5)] : []),
    {
      ...named('mean_per_class_recall'),
      value: recall(new Float64Array(labels.length).fill(1)),
      samples: labels.length,
      chance: 1 / classes,
      of: recall,
      perSample: { ids, values: first },
    },
  ];
}

function meanRecall(of: {
  readonly hits: Float64Array;
  readonly labels: Int32Array;
  readonly weights: Weights;
  readonly classes: number;
}): number {
  const { hits, labels, weights, classes } = of;
  const right = new Float64Array(classes);
  const all = new Float64Array(classes);
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample]!;
    all[label]! += weights[sample]!;
    right[label]! += weights[sample]! * hits[sample]!;
  }
  const recalls: number[] = [];
  for (let label = 0; label < classes; label++)
    if (all[label]! > 0) recalls.push(right[label]! / all[label]!);
  return mean(recalls);
}
