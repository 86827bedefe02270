/** What one shard of a global batch feeds into the towers. */
export interface ShardBatch {
  readonly samples: number;
  /** [samples, N, 3pp] */
  readonly patches: Float32Array;
  /** [samples, context] */
  readonly ids: Int32Array;
}
