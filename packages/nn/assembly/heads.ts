// Attention in parts, around matrix products that somebody else computes: heads of packed rows as matrices of their own
// [B,H,T,d] and back, and the softmax of all their rows. `padded` positions, T rounded up, keep rows of scores whole vectors.
import { RANGES, rangeEnd, rangeStart } from './ranges';
import { softmax, softmaxGradient } from './softmax';

/** `from[b,t,h]` (rows `row` bytes apart) to `to[b,h,t]`; the positions from `length` to `padded` become zeros. */
export function gatherHeads(
  from: usize, row: usize, to: usize, batch: i32, length: i32, padded: i32, heads: i32, headDim: i32,
): void {
  const bytes = <usize>headDim << 2;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      let source = from + <usize>h * bytes;
      for (let t = 0; t < length; t++) {
        copy(source, to, bytes);
        source += row;
        to += bytes;
      }
      memory.fill(to, 0, <usize>(padded - length) * bytes);
      to += <usize>(padded - length) * bytes;
    }
    from += <usize>length * row;
  }
}

/** The way back: `from[b,h,t]` to `to[b,t,h]`. */
export function scatterHeads(
  from: usize, to: usize, row: usize, batch: i32, length: i32, padded: i32, heads: i32, headDim: i32,
): void {
  const bytes = <usize>headDim << 2;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      let target = to + <usize>h * bytes;
      for (let t = 0; t < length; t++) {
        copy(from, target, bytes);
        target += row;
        from += bytes;
      }
      from += <usize>(padded - length) * bytes;
    }
    to += <usize>length * row;
  }
}

/** Scores `[B,H,Tq,stride]` to probabilities in place, stride = `keys` rounded up to 4. */
export function softmaxRows(
  scores: usize, ranges: usize,
  batch: i32, heads: i32, queries: i32, keys: i32, mask: i32, mean: bool, scale: f32,
): void {
  const row = <usize>((keys + 3) & ~3) << 2;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < queries; i++) {
        const start = rangeStart(ranges, i, mask);
        const end = rangeEnd(ranges, i, keys, mask);
        softmax(scores, start, end, keys, row, mean, scale);
        scores += row;
      }
    }
    if (mask == RANGES) ranges += <usize>queries << 3;
  }
}

/** Gradients of the probabilities `[B,H,Tq,stride]` to those of the scores, in place. */
export function softmaxGradientRows(
  dScores: usize, probabilities: usize, ranges: usize,
  batch: i32, heads: i32, queries: i32, keys: i32, mask: i32, scale: f32,
): void {
  const row = <usize>((keys + 3) & ~3) << 2;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < queries; i++) {
        const start = rangeStart(ranges, i, mask);
        const end = rangeEnd(ranges, i, keys, mask);
        softmaxGradient(dScores, probabilities, start, end, 0, keys, scale);
        dScores += row;
        probabilities += row;
      }
    }
    if (mask == RANGES) ranges += <usize>queries << 3;
  }
}

// @ts-ignore: decorator
@inline
function copy(from: usize, to: usize, bytes: usize): void {
  if (bytes & 15) {
    memory.copy(to, from, bytes);
    return;
  }
  for (let i: usize = 0; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
}
