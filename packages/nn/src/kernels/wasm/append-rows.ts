/** Rows written behind those that a cache already holds, in place while there is room. */
import type { Tensor3D } from '../../tensorflow.ts';
import type { AppendOptions } from '../kernels.ts';
import type { WasmHeap } from './heap.ts';

export function appendRows(heap: WasmHeap, rows: Tensor3D, options: AppendOptions): Tensor3D {
  const { cache, length, column } = options;
  const [batch, count, width] = rows.shape;
  const rowBytes = 4 * (width - column);
  const target = withRoom(heap, rows, options);
  const targetBytes = target.shape[1] * rowBytes;
  if (cache !== undefined && target !== cache)
    for (let b = 0; b < batch; b++) {
      const from = heap.address(cache) + b * cache.shape[1] * rowBytes;
      heap.move(from, heap.address(target) + b * targetBytes, length * rowBytes);
    }
  for (let b = 0; b < batch; b++) {
    let from = heap.address(rows) + 4 * (b * count * width + column);
    let to = heap.address(target) + b * targetBytes + length * rowBytes;
    for (let i = 0; i < count; i++) {
      heap.move(from, to, rowBytes);
      from += 4 * width;
      to += rowBytes;
    }
  }
  return target;
}

/** Twice as many rows as before where the reserve was too small: what is appended one by one is copied a few times only. */
function withRoom(
  heap: WasmHeap,
  rows: Tensor3D,
  { cache, length, column, reserve }: AppendOptions,
): Tensor3D {
  const [batch, count, width] = rows.shape;
  const capacity = cache?.shape[1] ?? 0;
  if (cache !== undefined && length + count <= capacity) return cache;
  return heap.tensor<Tensor3D>([batch, Math.max(length + count, reserve, 2 * capacity), width - column]);
}
