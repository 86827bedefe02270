import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels } from '../kernels/kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';

/** `x / rms(x) * weight` over the last axis, without centring (https://arxiv.org/abs/1910.07467), as Llama does. */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon = 1e-6): Tensor {
  assert(weight.size === x.shape.at(-1), `rmsNorm: x [${x.shape}], weight [${weight.shape}]`);
  return differentiable({
    inputs: { x, weight },
    forward: (save) => {
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
      const normalised = tf.mul(x, inverse);
      save(normalised, inverse, weight);
      return tf.mul(normalised, weight);
    },
    gradients: (dy, [normalised, inverse, savedWeight]) => ({
      x: () => {
        const scaled = tf.mul(dy, savedWeight!);
        const projection = tf.mean(tf.mul(scaled, normalised!), -1, true);
        return tf.mul(inverse!, tf.sub(scaled, tf.mul(normalised!, projection)));
      },
      weight: () => kernels().columnSum(tf.mul(dy, normalised!)),
    }),
  });
}
