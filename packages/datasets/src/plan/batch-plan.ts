/**
 * Which samples every step of a run trains on, as a pure function of (seed, epoch): any rank can compute any shard at any time, and
 * a resumed run goes on where it was without having stored a cursor.
 */
import assert from 'node:assert';
import { randomStream } from '../random-stream.ts';

export interface BatchPlan {
  /** Whole global batches in an epoch; what does not fill one is left out of that epoch. */
  readonly stepsPerEpoch: number;
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
  assert(new Set(indices).size === indices.length, 'indices repeat');
  const stepsPerEpoch = Math.floor(indices.length / globalBatch);
  const shardSize = globalBatch / shards;
  const epochOf = (step: number) => Math.floor(step / stepsPerEpoch);

  let current: { epoch: number; order: Int32Array } | undefined;
  const orderOf = (epoch: number): Int32Array => {
    if (current?.epoch !== epoch)
      current = { epoch, order: randomStream(seed, 'shuffle', epoch).shuffle(indices.slice()) };
    return current.order;
  };

  return {
    stepsPerEpoch,
    shard(step, shard) {
      assert(Number.isInteger(step) && step >= 0, `step ${step} is not a whole number >= 0`);
      assert(
        Number.isInteger(shard) && shard >= 0 && shard < shards,
        `shard ${shard} is not in 0..${shards - 1}`,
      );
      const epoch = epochOf(step);
      const start = (step % stepsPerEpoch) * globalBatch + shard * shardSize;
      return { epoch, indices: orderOf(epoch).subarray(start, start + shardSize) };
    },
    captionOf(step, index, captionCount) {
      if (captionCount === 1) return 0;
      const epoch = epochOf(step);
      const cycle = Math.floor(epoch / captionCount);
      const order = randomStream(seed, 'captions', index, cycle).shuffle([...Array(captionCount).keys()]);
      return order[epoch % captionCount] as number;
    },
  };
}
