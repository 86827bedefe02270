// Products with one vector, for a single query: nothing is packed, each row of the matrix is read once where it lies.
import { loadTail, storeTail, sumLanes } from './vector';

/** `y[j] = x . matrix[j]` for `count` rows of `width` adjacent floats, `row` bytes apart. */
export function dots(x: usize, matrix: usize, row: usize, count: i32, width: i32, y: usize): void {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  const tail = rest ? loadTail(x + full, rest) : f32x4.splat(0);
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const r1 = matrix + row;
    const r2 = r1 + row;
    const r3 = r2 + row;
    let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
    for (let i: usize = 0; i < full; i += 16) {
      const v = v128.load(x + i);
      s0 = f32x4.add(s0, f32x4.mul(v, v128.load(matrix + i)));
      s1 = f32x4.add(s1, f32x4.mul(v, v128.load(r1 + i)));
      s2 = f32x4.add(s2, f32x4.mul(v, v128.load(r2 + i)));
      s3 = f32x4.add(s3, f32x4.mul(v, v128.load(r3 + i)));
    }
    if (rest) {
      s0 = f32x4.add(s0, f32x4.mul(tail, loadTail(matrix + full, rest)));
      s1 = f32x4.add(s1, f32x4.mul(tail, loadTail(r1 + full, rest)));
      s2 = f32x4.add(s2, f32x4.mul(tail, loadTail(r2 + full, rest)));
      s3 = f32x4.add(s3, f32x4.mul(tail, loadTail(r3 + full, rest)));
    }
    f32.store(y, sumLanes(s0));
    f32.store(y, sumLanes(s1), 4);
    f32.store(y, sumLanes(s2), 8);
    f32.store(y, sumLanes(s3), 12);
    matrix = r3 + row;
    y += 16;
  }
  for (; j < count; j++) {
    let s = f32x4.splat(0);
    for (let i: usize = 0; i < full; i += 16) s = f32x4.add(s, f32x4.mul(v128.load(x + i), v128.load(matrix + i)));
    if (rest) s = f32x4.add(s, f32x4.mul(tail, loadTail(matrix + full, rest)));
    f32.store(y, sumLanes(s));
    matrix += row;
    y += 4;
  }
}

/** `y = sum of weights[j] * matrix[j]` over `count` rows of `width` adjacent floats, in order. */
export function weightedSum(weights: usize, matrix: usize, row: usize, count: i32, width: i32, y: usize): void {
  const end = weights + (<usize>count << 2);
  let left = width;
  for (; left >= 16; left -= 16) {
    let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
    let at = matrix;
    for (let w = weights; w < end; w += 4) {
      const weight = v128.load32_splat(w);
      s0 = f32x4.add(s0, f32x4.mul(weight, v128.load(at)));
      s1 = f32x4.add(s1, f32x4.mul(weight, v128.load(at, 16)));
      s2 = f32x4.add(s2, f32x4.mul(weight, v128.load(at, 32)));
      s3 = f32x4.add(s3, f32x4.mul(weight, v128.load(at, 48)));
      at += row;
    }
    v128.store(y, s0);
    v128.store(y, s1, 16);
    v128.store(y, s2, 32);
    v128.store(y, s3, 48);
    matrix += 64;
    y += 64;
  }
  for (; left > 0; left -= 4) {
    const lanes = <usize>min(4, left);
    let sum = f32x4.splat(0);
    let at = matrix;
    for (let w = weights; w < end; w += 4) {
      const values = lanes == 4 ? v128.load(at) : loadTail(at, lanes);
      sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(w), values));
      at += row;
    }
    if (lanes == 4) v128.store(y, sum);
    else storeTail(y, sum, lanes);
    matrix += 16;
    y += 16;
  }
}
