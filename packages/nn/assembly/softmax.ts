// Softmax over a range of a row, and its gradient.
import { exp4, loadTail, storeTail, sumLanes } from './vector';

/**
 * softmax(scale * scores) over the floats from `start` to `end` in place; everything else of the row's `bytes` becomes
 * zero. An empty range gives zeros or, with `mean`, the same weight for every one of the `keys`.
 */
export function softmax(
  row: usize, start: i32, end: i32, keys: i32, bytes: usize, mean: bool, scale: f32,
): void {
  if (start >= end) {
    memory.fill(row, 0, bytes);
    const weight: f32 = 1 / <f32>keys;
    if (mean) for (let j = 0; j < keys; j++) f32.store(row + (<usize>j << 2), weight);
    return;
  }
  const from = row + (<usize>start << 2);
  const count = end - start;
  const full = <usize>(count & ~3) << 2;
  const rest = <usize>(count & 3);
  const top = largest(from, full, rest) * scale;
  const scale4 = f32x4.splat(scale);
  const shift = f32x4.splat(top);
  let sum = f32x4.splat(0);
  for (let j: usize = 0; j < full; j += 16) {
    const e = exp4(f32x4.sub(f32x4.mul(v128.load(from + j), scale4), shift));
    v128.store(from + j, e);
    sum = f32x4.add(sum, e);
  }
  let total = sumLanes(sum);
  if (rest) {
    const e = exp4(f32x4.sub(f32x4.mul(loadTail(from + full, rest), scale4), shift));
    storeTail(from + full, e, rest);
    for (let j: usize = 0; j < rest << 2; j += 4) total += f32.load(from + full + j);
  }
  const inverse: f32 = 1 / total;
  const inverse4 = f32x4.splat(inverse);
  for (let j: usize = 0; j < full; j += 16) v128.store(from + j, f32x4.mul(v128.load(from + j), inverse4));
  if (rest) storeTail(from + full, f32x4.mul(loadTail(from + full, rest), inverse4), rest);
  memory.fill(row, 0, <usize>start << 2);
  memory.fill(row + (<usize>end << 2), 0, bytes - (<usize>end << 2));
}

/**
 * dScores = scale * p * (dP - sum(p * dP)) from `start` to `end`, in place of dP; zero in the rest of the block's
 * columns, `first` to `last`.
 */
export function softmaxGradient(
  dP: usize, p: usize, start: i32, end: i32, first: i32, last: i32, scale: f32,
): void {
  if (start >= end) {
    memory.fill(dP + (<usize>first << 2), 0, <usize>(last - first) << 2);
    return;
  }
  const skip = <usize>start << 2;
  const count = end - start;
  const full = <usize>(count & ~3) << 2;
  const rest = <usize>(count & 3);
  const d = dP + skip;
  const weights = p + skip;
  let sum = f32x4.splat(0);
  for (let j: usize = 0; j < full; j += 16) {
    sum = f32x4.add(sum, f32x4.mul(v128.load(weights + j), v128.load(d + j)));
  }
  if (rest) sum = f32x4.add(sum, f32x4.mul(loadTail(weights + full, rest), loadTail(d + full, rest)));
  const mean = f32x4.splat(sumLanes(sum));
  const scale4 = f32x4.splat(scale);
  for (let j: usize = 0; j < full; j += 16) {
    const centred = f32x4.sub(v128.load(d + j), mean);
    v128.store(d + j, f32x4.mul(scale4, f32x4.mul(v128.load(weights + j), centred)));
  }
  if (rest) {
    const centred = f32x4.sub(loadTail(d + full, rest), mean);
    storeTail(d + full, f32x4.mul(scale4, f32x4.mul(loadTail(weights + full, rest), centred)), rest);
  }
  memory.fill(dP + (<usize>first << 2), 0, <usize>(start - first) << 2);
  memory.fill(dP + (<usize>end << 2), 0, <usize>(last - end) << 2);
}

/** The largest of the floats: four at a time, then the 1 to 3 that are left. NaN is not larger: it shows in the sum. */
// @ts-ignore: decorator
@inline
export function largest(from: usize, full: usize, rest: usize): f32 {
  let top: f32 = -Infinity;
  if (full) {
    let tops = v128.load(from);
    for (let j: usize = 16; j < full; j += 16) tops = f32x4.pmax(tops, v128.load(from + j));
    top = max(
      max(f32x4.extract_lane(tops, 0), f32x4.extract_lane(tops, 1)),
      max(f32x4.extract_lane(tops, 2), f32x4.extract_lane(tops, 3)),
    );
  }
  for (let j: usize = 0; j < rest << 2; j += 4) top = max(top, f32.load(from + full + j));
  return top;
}
