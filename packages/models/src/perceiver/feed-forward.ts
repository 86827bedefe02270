/** The feed-forward branch that resampler and gated cross-attention share: norm, wide layer, GELU, narrow layer, no biases. */
import { gelu, layerNorm, linear, type tf } from '@triptych/nn';
import type { Weights } from '../transformer/weights.ts';

/** `x` [..., D] to what is to be added to it. Differentiable. */
export function feedForward(x: tf.Tensor, prefix: string, weights: Weights): tf.Tensor {
  const normed = normalise(x, `${prefix}.0`, weights);
  const wide = gelu(linear(normed, weights<tf.Rank.R2>(`${prefix}.1.weight`)), 'gelu');
  return linear(wide, weights<tf.Rank.R2>(`${prefix}.3.weight`));
}

export const feedForwardKeys = (prefix: string): string[] =>
  ['0.weight', '0.bias', '1.weight', '3.weight'].map((name) => `${prefix}.${name}`);

/** The layer norm whose parameters are `name`.weight and `name`.bias, with PyTorch's default epsilon. */
export const normalise = <T extends tf.Tensor>(x: T, name: string, weights: Weights): T =>
  layerNorm(x, weights(`${name}.weight`), weights(`${name}.bias`), 1e-5) as T;
