import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import type { RandomStream } from '../random.ts';
import { type Tensor, tf } from '../tensorflow.ts';

/** Zeroes each number with probability `rate` and scales the others by `1 / (1 - rate)`; the stream decides which. */
export function dropout(x: Tensor, rate: number, stream: RandomStream): Tensor {
  assert(rate >= 0 && rate < 1, `dropout: the rate is ${rate}; it must be at least 0 and less than 1`);
  if (rate === 0) return tf.clone(x);
  return differentiable({
    inputs: { x },
    forward: (save) => {
      const kept = Float32Array.from({ length: x.size }, () =>
        stream.uniform() < rate ? 0 : 1 / (1 - rate),
      );
      const mask = tf.tensor(kept, x.shape);
      save(mask);
      return tf.mul(x, mask);
    },
    gradients: (dy, [mask]) => ({ x: () => tf.mul(dy, mask!) }),
  });
}
