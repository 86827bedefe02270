/** The sizes of an attention, from its projections. */
import type { AttentionSettings, Projections } from './kernels.ts';

export interface AttentionShape {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** Of the scores. */
  readonly scale: number;
}

export function attentionShape(
  [first, second]: Projections,
  { heads, keyValueHeads }: AttentionSettings,
): AttentionShape {
  const [batch, queries, width] = first.shape;
  const headDim = width / (second === undefined ? heads + 2 * keyValueHeads : heads);
  const keys = second?.shape[1] ?? queries;
  return { batch, queries, keys, heads, keyValueHeads, headDim, scale: headDim ** -0.5 };
}
