import { kernels } from '../kernels/kernels.ts';
import { type Tensor1D, type Tensor2D, tf } from '../tensorflow.ts';
import { type StoredNumbers, storedAsFloats, unshared } from '../vectors/stored-numbers.ts';

/**
 * A matrix that is not trained, as weight of `linear` or table of `embed`. It adopts `numbers`, which must not change any
 * more and may lie in a file's bytes or in shared memory. On wasm they stay where they are and in their type, outside the
 * heap and its 4 GiB: products convert them a block at a time, and give the bits that the converted matrix would give. Every
 * other operation refuses the tensor. A float32 matrix of at most 1 MiB is an ordinary tensor, and so is every one elsewhere.
 * Do not ask for its gradient. The caller disposes it.
 */
export const frozenMatrix = (
  numbers: Float32Array | StoredNumbers,
  shape: readonly [number, number],
): Tensor2D => kernels().frozenMatrix(stored(numbers), shape);

/** A bias or the weights of a norm that are not trained: an ordinary float32 tensor, on every backend. The caller disposes it. */
export const frozenVector = (numbers: Float32Array | StoredNumbers): Tensor1D =>
  tf.tensor1d(unshared(storedAsFloats(stored(numbers))), 'float32');

const stored = (numbers: Float32Array | StoredNumbers): StoredNumbers =>
  numbers instanceof Float32Array ? { dtype: 'F32', data: numbers } : numbers;
