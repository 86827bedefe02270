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

/** A copy of what the tensor holds. Read asynchronously: webgpu has no other way. */
export const values = async (tensor: Tensor): Promise<Float32Array> =>
  (await tensor.data<'float32'>()).slice();

/** As `tf.tidy`, for a test that reads: disposes every tensor that it makes. Nothing else may make tensors meanwhile. */
export async function tidily<T>(test: () => Promise<T> | T): Promise<T> {
  tf.engine().startScope();
  try {
    return await test();
  } finally {
    tf.engine().endScope();
  }
}

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
export async function slopeAlong(
  operation: (inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { which, direction, dy }: { which: number; direction: Tensor; dy: Tensor },
): Promise<number> {
  const step = 2e-3;
  const at = async (sign: number) => {
    const moved = inputs.map((x, i) => (i === which ? tf.add(x, tf.mul(direction, sign * step)) : x));
    const products = await values(tf.mul(operation(moved), dy));
    let sum = 0;
    for (const product of products) sum += product;
    return sum;
  };
  return await tidily(async () => ((await at(1)) - (await at(-1))) / (2 * step));
}
