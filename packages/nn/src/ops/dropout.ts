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
      const mask = tf.tensor(drawn(x.size, rate, stream), x.shape);
      save(mask);
      return tf.mul(x, mask);
    },
    gradients: (dy, [mask]) => ({ x: () => tf.mul(dy, mask!) }),
  });
}

/**
 * Millions of numbers a step: each is a hash of its position and of one draw, several times faster than a draw of its own. The hash
 * is MurmurHash3's finaliser, in which every bit of the input changes half of those of the result.
 */
function drawn(count: number, rate: number, stream: RandomStream): Float32Array {
  const kept = new Float32Array(count);
  const [seed, scale, threshold] = [stream.integer(2 ** 32), 1 / (1 - rate), rate * 2 ** 32];
  for (let i = 0; i < count; i++) {
    let hash = Math.imul(i, 0x9e3779b1) ^ seed;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    if ((hash ^ (hash >>> 16)) >>> 0 >= threshold) kept[i] = scale;
  }
  return kept;
}
