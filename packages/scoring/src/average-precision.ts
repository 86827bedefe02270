/** Average precision of each of several labels that may hold together, as LAION's CLIP_benchmark computes it. */

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
export function averagePrecision({ scores, classes, targets }: AveragePrecisionInput): AveragePrecision {
  if (scores.length !== targets.length || scores.length % classes !== 0)
    throw new RangeError(`scores and targets must be [samples, ${classes}]`);
  const samples = [...new Array(scores.length / classes).keys()];
  const perClass = Array.from({ length: classes }, (_, label) => {
    const score = (sample: number) => scores[sample * classes + label]!;
    const ranked = samples.toSorted((a, b) => score(b) - score(a));
    let positives = 0;
    let precisions = 0;
    for (const [rank, sample] of ranked.entries())
      if (targets[sample * classes + label] === 1) precisions += ++positives / (rank + 1);
    return precisions / Math.max(1, positives);
  });
  return { perClass, mean: perClass.reduce((sum, value) => sum + value, 0) / classes };
}
