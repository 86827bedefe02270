// Whole rows of `width` floats: bias, column sums, gather, scatter and copies. Sums run in row order.
import { loadTail, storeTail } from './vector';

/** `y[row] += bias` for every row, in place. */
export function addBias(y: usize, bias: usize, rows: i32, width: i32): void {
  for (let row = 0; row < rows; row++) {
    addRow(y, bias, width);
    y += <usize>width << 2;
  }
}

/** `y += factor * x` over `count` floats; the product is rounded before it is added. */
export function addScaled(x: usize, y: usize, factor: f32, count: i32): void {
  const full = <usize>(count & ~3) << 2;
  const rest = <usize>(count & 3);
  const scale = f32x4.splat(factor);
  for (let i: usize = 0; i < full; i += 16) {
    v128.store(y + i, f32x4.add(v128.load(y + i), f32x4.mul(v128.load(x + i), scale)));
  }
  if (rest) {
    const added = f32x4.add(loadTail(y + full, rest), f32x4.mul(loadTail(x + full, rest), scale));
    storeTail(y + full, added, rest);
  }
}

/** `sums = sum of x[row]` over all rows. */
export function columnSum(x: usize, sums: usize, rows: i32, width: i32): void {
  memory.fill(sums, 0, <usize>width << 2);
  for (let row = 0; row < rows; row++) {
    addRow(sums, x, width);
    x += <usize>width << 2;
  }
}

/** `y[i] = table[ids[i]]`. */
export function gatherRows(table: usize, ids: usize, y: usize, count: i32, width: i32): void {
  const stride = <usize>width << 2;
  for (let i = 0; i < count; i++) {
    memory.copy(y, table + <usize>i32.load(ids) * stride, stride);
    ids += 4;
    y += stride;
  }
}

/** `table[ids[i]] += dy[i]`, from a zeroed table of `rows`, in order. */
export function scatterRows(dy: usize, ids: usize, table: usize, count: i32, width: i32, rows: i32): void {
  const stride = <usize>width << 2;
  memory.fill(table, 0, <usize>rows * stride);
  for (let i = 0; i < count; i++) {
    addRow(table + <usize>i32.load(ids) * stride, dy, width);
    ids += 4;
    dy += stride;
  }
}

/** `rows` pieces of `bytes` each, from every `fromStride` bytes to every `toStride` bytes. */
export function copyRows(from: usize, fromStride: i32, to: usize, toStride: i32, rows: i32, bytes: i32): void {
  for (let row = 0; row < rows; row++) {
    memory.copy(to, from, <usize>bytes);
    from += <usize>fromStride;
    to += <usize>toStride;
  }
}

// @ts-ignore: decorator
@inline
function addRow(into: usize, row: usize, width: i32): void {
  const full = <usize>(width & ~3) << 2;
  for (let i: usize = 0; i < full; i += 16) {
    v128.store(into + i, f32x4.add(v128.load(into + i), v128.load(row + i)));
  }
  const rest = <usize>(width & 3);
  if (rest) storeTail(into + full, f32x4.add(loadTail(into + full, rest), loadTail(row + full, rest)), rest);
}
