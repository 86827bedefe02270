/** Rotary positions by the kernel of assembly/rotary.ts. */
import type { Tensor3D } from '../../tensorflow.ts';
import type { Kernels } from '../kernels.ts';
import type { WasmHeap } from './heap.ts';

export const wasmRotate =
  (heap: WasmHeap): Kernels['rotate'] =>
  (x, { table, heads, inverse }) => {
    const [batch, length, width] = x.shape;
    const y = heap.tensor<Tensor3D>(x.shape);
    const half = table.headDim / 2;
    heap.withCopy(table.cos, (cos) =>
      heap.withCopy(table.sin, (sin) => {
        const pointers = [heap.address(x), heap.address(y), cos, sin];
        const positions = table.cos.length / half;
        heap.kernels.rotate(...pointers, batch * length, positions, width, heads, half, inverse ? 1 : 0);
      }),
    );
    return y;
  };
