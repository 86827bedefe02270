/** How a block multiplies by one of its weight matrices: as it is, or with something beside it that training adds. */
import { linear, type tf } from '@triptych/nn';
import type { Weights } from './weights.ts';

export interface Projection {
  /** The keys of everything that `apply` takes from the weights for the matrix `key`. */
  keysOf(key: string): readonly string[];
  /**
   * `x[..., in]` times the transpose of matrix `key` [out, in]: [..., out]. Differentiable. It may run once more in the
   * backward pass, so it makes the random streams that it draws from itself.
   */
  apply(x: tf.Tensor, key: string, weights: Weights): tf.Tensor;
}

export const plainProjection: Projection = {
  keysOf: (key) => [key],
  apply: (x, key, weights) => linear(x, weights<tf.Rank.R2>(key)),
};
