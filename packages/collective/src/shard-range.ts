/** Who owns what: contiguous, balanced slices of `0..count-1`. It knows nothing of trees or of transports. */

export interface Range {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** The shards of one rank. Sizes differ by at most one; with more ranks than shards some ranges are empty. */
export function shardRange(rank: number, worldSize: number, shards: number): Range {
  return balancedRange({ part: rank, parts: worldSize, count: shards });
}

/** Part `part` of `count` things cut into `parts` contiguous slices whose sizes differ by at most one. */
export function balancedRange(options: { part: number; parts: number; count: number }): Range {
  const { part, parts, count } = options;
  return { start: Math.floor((part * count) / parts), end: Math.floor(((part + 1) * count) / parts) };
}
