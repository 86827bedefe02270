export interface BatchPlan {
  /** Whole global batches in an epoch; what does not fill one is dropped. */
  readonly stepsPerEpoch: number;
  /** The samples of one shard of the global batch of `step` (0-based, counted over all epochs). */
  shard(step: number, shard: number): { epoch: number; indices: Int32Array };
  /** Which of its captions the sample `index` uses at `step`. */
  captionOf(step: number, index: number, captionCount: number): number;
}

export function batchPlan(_options: {
  indices: Int32Array;
  seed: number;
  globalBatch: number;
  shards: number;
}): BatchPlan {
  throw new Error('not yet');
}
