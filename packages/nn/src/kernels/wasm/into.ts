/** Kernels whose results are written to where the caller says: to a new tensor, or to rows of a decoding step. */
import type { tf } from '../../tensorflow.ts';
import type { RotaryOptions } from '../kernels.ts';
import type { WasmHeap } from './heap.ts';
import { unpacking } from './unpacking.ts';

/** Row `ids[i]` of the table [V, D], on the heap or outside of it, is written to row i of what begins at `y`. */
export function gatherInto(heap: WasmHeap, table: tf.Tensor2D, ids: Int32Array, y: number): void {
  const width = table.shape[1];
  const numbers = heap.host.of(table);
  if (numbers === undefined)
    heap.withCopy(ids, (idsAt) => heap.kernels.gatherRows(heap.address(table), idsAt, y, ids.length, width));
  else
    unpacking(heap, numbers, width, (unpack) => {
      for (const [row, id] of ids.entries())
        unpack({ from: id * width, stride: width, rows: 1, columns: width }, y + 4 * row * width);
    });
}

/** Rows of positions, turned by the angles of each; the table begins again where it is shorter. */
export function rotateInto(
  heap: WasmHeap,
  rotated: {
    readonly x: tf.TensorInfo;
    readonly y: tf.TensorInfo;
    readonly rows: number;
    readonly width: number;
  },
  { table, heads, inverse }: RotaryOptions,
): void {
  const { x, y, rows, width } = rotated;
  const half = table.headDim / 2;
  heap.withCopy(table.cos, (cos) =>
    heap.withCopy(table.sin, (sin) => {
      const pointers = [heap.address(x), heap.address(y), cos, sin];
      const positions = table.cos.length / half;
      heap.kernels.rotate(...pointers, rows, positions, width, heads, half, inverse ? 1 : 0);
    }),
  );
}
