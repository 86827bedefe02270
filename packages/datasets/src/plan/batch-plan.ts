/** The plan of a run on one dataset, cut into the shards of its batches. What it promises is `mixturePlan`'s. */
import assert from 'node:assert';
import { mixturePlan } from './mixture-plan.ts';

export interface BatchPlan {
  /** Whole global batches in an epoch; what does not fill one is left out of that epoch. */
  readonly stepsPerEpoch: number;
  /** Samples that no batch of an epoch has: fewer than a batch, others in every epoch. */
  readonly leftOver: number;
  /**
   * The samples of one shard of the global batch of `step`, counted from 0 over all epochs. The array is a view: do not write to it.
   * A sample is at most once in a global batch, so that no caption is a negative of its own image.
   */
  shard(step: number, shard: number): { epoch: number; indices: Int32Array };
  /** Which of its captions sample `index` uses at `step`: over `captionCount` epochs each one once, in random order. */
  captionOf(step: number, index: number, captionCount: number): number;
}

/** `indices` are distinct, at least `globalBatch` of them; `shards` divides `globalBatch`. Violations are bugs of the caller. */
export function batchPlan(options: {
  indices: Int32Array;
  seed: number;
  globalBatch: number;
  shards: number;
}): BatchPlan {
  const { indices, seed, globalBatch, shards } = options;
  assert(globalBatch % shards === 0, `globalBatch ${globalBatch} is not divisible by shards ${shards}`);
  assert(indices.length >= globalBatch, `${indices.length} samples do not fill a batch of ${globalBatch}`);
  const plan = mixturePlan({ datasets: [{ samples: indices, weight: 1 }], globalBatch, seed });
  const shardSize = globalBatch / shards;
  return {
    stepsPerEpoch: plan.stepsPerEpoch,
    leftOver: indices.length % globalBatch,
    shard(step, shard) {
      assert(
        Number.isInteger(shard) && shard >= 0 && shard < shards,
        `shard ${shard} is not in 0..${shards - 1}`,
      );
      const { epoch, samples } = plan.batch(step);
      return { epoch, indices: samples.subarray(shard * shardSize, (shard + 1) * shardSize) };
    },
    captionOf: (step, index, captionCount) =>
      plan.choose({ step, dataset: 0, sample: index, count: captionCount }),
  };
}
