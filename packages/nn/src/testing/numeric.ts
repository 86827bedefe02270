/** Numbers for the contract suite: deterministic tensors, and slopes by central differences. */
import { random, type Tensor, tf } from '../index.ts';

/** Values around ±1, the same for the same name. */
export function noise(name: string, shape: readonly number[]): Tensor {
  const stream = random(7, name);
  const length = shape.reduce((product, size) => product * size, 1);
  return tf.tensor(
    Float32Array.from({ length }, () => stream.normal()),
    shape as number[],
  );
}

export const values = (tensor: Tensor): Float32Array => tensor.dataSync() as Float32Array;

/** The largest difference, relative to the largest expected value. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 1e-6;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

/**
 * The slope of `sum(operation(inputs) * dy)` along a random direction for each input, by central differences in
 * float32: accurate to about 1e-2 of the slope's natural size.
 */
export function slopeAlong(
  operation: (inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { which, direction, dy }: { which: number; direction: Tensor; dy: Tensor },
): number {
  const step = 2e-3;
  const at = (sign: number) => {
    const moved = inputs.map((x, i) => (i === which ? tf.add(x, tf.mul(direction, sign * step)) : x));
    const products = tf.mul(operation(moved), dy).dataSync();
    let sum = 0;
    for (const product of products) sum += product;
    return sum;
  };
  return tf.tidy(() => (at(1) - at(-1)) / (2 * step));
}
