// Softmax over a range of a row, and its gradient. Rows begin and end at multiples of four floats.
import { exp4, sumLanes } from './vector';

/**
 * Terms below e^-60 are raised to it. No sum in float32 can tell, and the products that they become part of stay above the
 * denormal numbers, which cost a hundred times as much: sharp attention would take twice as long.
 */
// @ts-ignore: decorator
@inline
function term(score: v128, scale: v128, shift: v128): v128 {
  return exp4(f32x4.pmax(f32x4.sub(f32x4.mul(score, scale), shift), f32x4.splat(-60)));
}

/**
 * softmax(scale * scores) over the floats from `start` to `end` in place; everything else of the row's `bytes` becomes
 * zero. An empty range gives zeros or, with `mean`, the same weight for every one of the `keys`.
 */
export function softmax(
  row: usize, start: i32, end: i32, keys: i32, bytes: usize, mean: bool, scale: f32,
): void {
  if (start >= end) {
    fill(row, 0, bytes, 0);
    if (mean) fill(row, 0, <usize>keys << 2, 1 / <f32>keys);
    return;
  }
  const first = <usize>start << 2;
  const last = <usize>end << 2;
  // Whole vectors: what hangs over on both sides is hidden for the moment.
  const from = first & ~15;
  const to = (last + 15) & ~15;
  fill(row, from, first, -3e38);
  fill(row, last, to, -3e38);
  let tops = v128.load(row + from);
  for (let j = from + 16; j < to; j += 16) tops = f32x4.pmax(tops, v128.load(row + j));
  const top = max(
    max(f32x4.extract_lane(tops, 0), f32x4.extract_lane(tops, 1)),
    max(f32x4.extract_lane(tops, 2), f32x4.extract_lane(tops, 3)),
  );
  const scale4 = f32x4.splat(scale);
  const shift = f32x4.splat(top * scale);
  let sum = f32x4.splat(0);
  let j = from;
  for (; j + 48 < to; j += 64) {
    const at = row + j;
    const e0 = term(v128.load(at), scale4, shift);
    const e1 = term(v128.load(at, 16), scale4, shift);
    const e2 = term(v128.load(at, 32), scale4, shift);
    const e3 = term(v128.load(at, 48), scale4, shift);
    v128.store(at, e0);
    v128.store(at, e1, 16);
    v128.store(at, e2, 32);
    v128.store(at, e3, 48);
    sum = f32x4.add(sum, f32x4.add(f32x4.add(e0, e1), f32x4.add(e2, e3)));
  }
  for (; j < to; j += 16) {
    const e = term(v128.load(row + j), scale4, shift);
    v128.store(row + j, e);
    sum = f32x4.add(sum, e);
  }
  // The hidden lanes added e^-60 each: less than half a bit of a sum that is at least 1.
  const inverse = f32x4.splat(1 / sumLanes(sum));
  for (j = from; j < to; j += 16) v128.store(row + j, f32x4.mul(v128.load(row + j), inverse));
  fill(row, 0, first, 0);
  fill(row, last, bytes, 0);
}

/**
 * dScores = scale * p * (dP - sum(p * dP)) in place of dP, over the columns `first` to `last`, of which the row sees
 * `start` to `end`: p is zero in the others, which may hold anything.
 */
export function softmaxGradient(
  dP: usize, p: usize, start: i32, end: i32, first: i32, last: i32, scale: f32,
): void {
  const firstByte = <usize>first << 2;
  const lastByte = <usize>last << 2;
  if (start >= end) {
    fill(dP, firstByte, lastByte, 0);
    return;
  }
  const begin = <usize>start << 2;
  const stop = <usize>end << 2;
  const from = begin & ~15;
  const to = (stop + 15) & ~15;
  // Zero times anything but a number is no number.
  fill(dP, from, begin, 0);
  fill(dP, stop, to, 0);
  let sum = f32x4.splat(0);
  for (let j = from; j < to; j += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(p + j), v128.load(dP + j)));
  const mean = f32x4.splat(sumLanes(sum));
  const scale4 = f32x4.splat(scale);
  for (let j = from; j < to; j += 16) {
    const centred = f32x4.sub(v128.load(dP + j), mean);
    v128.store(dP + j, f32x4.mul(scale4, f32x4.mul(v128.load(p + j), centred)));
  }
  fill(dP, firstByte, begin, 0);
  fill(dP, stop, lastByte, 0);
}

/** Floats from byte `from` to byte `to` of a row. The bulk instruction would cost a call for the few that there are. */
// @ts-ignore: decorator
@inline
function fill(row: usize, from: usize, to: usize, value: f32): void {
  const value4 = f32x4.splat(value);
  let j = from;
  for (; j < to && (j & 15); j += 4) f32.store(row + j, value);
  for (; j + 16 <= to; j += 16) v128.store(row + j, value4);
  for (; j < to; j += 4) f32.store(row + j, value);
}
