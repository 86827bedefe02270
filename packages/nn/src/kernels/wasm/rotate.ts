/** Rotary positions by the kernel of assembly/rotary.ts. */
import type { Tensor3D } from '../../tensorflow.ts';
import type { Kernels } from '../kernels.ts';
import type { WasmHeap } from './heap.ts';
import { rotateInto } from './into.ts';

export const wasmRotate =
  (heap: WasmHeap): Kernels['rotate'] =>
  (x, options) => {
    const [batch, length, width] = x.shape;
    const y = heap.tensor<Tensor3D>(x.shape);
    rotateInto(heap, { x, y, rows: batch * length, width }, options);
    return y;
  };
