import { differentiable } from '../autodiff/tape.ts';
import { type Tensor, tf } from '../tensorflow.ts';

/** `x / |x|` over the last axis. A zero vector gives NaN, as in CLIP: a feature of length zero is a bug. */
export function l2Normalize(x: Tensor): Tensor {
  return differentiable({
    inputs: { x },
    forward: (save) => {
      const inverseNorm = tf.div(1, tf.sqrt(tf.sum(tf.square(x), -1, true)));
      const unit = tf.mul(x, inverseNorm);
      save(unit, inverseNorm);
      return unit;
    },
    gradients: (dy, [unit, inverseNorm]) => ({
      x: () => tf.mul(inverseNorm!, tf.sub(dy, tf.mul(unit!, tf.sum(tf.mul(dy, unit!), -1, true)))),
    }),
  });
}
