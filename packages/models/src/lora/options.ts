/**
 * Low-rank adapters (https://arxiv.org/abs/2106.09685): beside a matrix W that stays as it is, `scale B A` is trained. The
 * scale is alpha / rank, or alpha / sqrt(rank) where it is rank-stabilised (https://arxiv.org/abs/2312.03732). Tensor-free.
 */
import type { AdapterOptions } from '../model.ts';

/** The linear layers of a Llama decoder, as adapter files name them. */
export const adapterTargets = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
] as const;
export type AdapterTarget = (typeof adapterTargets)[number];

export const adapterScale = ({ rank, alpha, rankStabilised }: AdapterOptions): number =>
  alpha / (rankStabilised ? Math.sqrt(rank) : rank);
