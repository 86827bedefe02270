import { kernels } from '../kernels/kernels.ts';
import type { Tensor2D } from '../tensorflow.ts';

/**
 * A matrix that is not trained, as weight of `linear` or table of `embed`. It adopts `numbers`, which must not change any
 * more. On wasm they stay where they are, outside the heap and its 4 GiB, and every other operation refuses the tensor;
 * elsewhere it is an ordinary one. Do not ask for its gradient. The caller disposes it.
 */
export const frozenMatrix = (numbers: Float32Array, shape: readonly [number, number]): Tensor2D =>
  kernels().frozenMatrix(numbers, shape);
