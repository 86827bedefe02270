/** Classification accuracy from class scores: top-1, top-5 (with more than five classes) and mean per-class recall. */
import { rankOf } from './rank.ts';
import type { ScoreValue } from './score.ts';

export interface ZeroShotInput {
  /** [samples, classes] */
  readonly scores: Float32Array;
  readonly classes: number;
  /** The true class of each sample. */
  readonly labels: Int32Array;
}

/** Classes without samples are left out of the mean over classes. */
export function zeroShot({ scores, classes, labels }: ZeroShotInput): ScoreValue[] {
  if (scores.length !== labels.length * classes)
    throw new RangeError(`scores must be [${labels.length}, ${classes}]`);
  const ranks = Array.from(labels, (target, sample) =>
    rankOf({ scores, offset: sample * classes, stride: 1, count: classes, target }),
  );
  const accuracy = (k: number) => ranks.filter((rank) => rank < k).length / ranks.length;
  const values: ScoreValue[] = [
    { metric: 'accuracy@1', value: accuracy(1), unit: 'ratio', chance: 1 / classes },
  ];
  if (classes > 5)
    values.push({ metric: 'accuracy@5', value: accuracy(5), unit: 'ratio', chance: 5 / classes });
  values.push({
    metric: 'mean_per_class_recall',
    value: meanRecall(ranks, labels),
    unit: 'ratio',
    chance: 1 / classes,
  });
  return values;
}

function meanRecall(ranks: readonly number[], labels: Int32Array): number {
  const perClass = new Map<number, { hits: number; samples: number }>();
  for (const [sample, label] of labels.entries()) {
    const tally = perClass.get(label) ?? { hits: 0, samples: 0 };
    tally.samples++;
    if (ranks[sample] === 0) tally.hits++;
    perClass.set(label, tally);
  }
  const recalls = [...perClass.values()].map(({ hits, samples }) => hits / samples);
  return recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
}
