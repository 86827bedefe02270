// Attention head by head: queries [B,Tq,H,d], keys and values [B,Tk,K,d] with any row strides, so that packed
// projections are read in place. `probabilities` is [B,H,Tq,stride], stride = Tk rounded up to 4, with zeros wherever a
// query does not see a key. Where queries see ranges of keys, blocks of queries leave out what none of them sees.
import { gemm } from './gemm';
import { dots, weightedSum } from './gemv';
import { RANGES, rangeEnd, rangeStart } from './ranges';
import { softmax, softmaxGradient } from './softmax';

/** Queries of one block; short sequences are one block. */
const BLOCK: i32 = 64;
const ONE_BLOCK: i32 = 96;

/**
 * `mask` is 0 (all keys), 1 (causal) or 2: `ranges` [B,Tq,2] holds the first key that is seen and the end. `mean`: a
 * query that sees nothing gets the mean of all values instead of zeros. Strides are in bytes.
 */
export function attention(
  q: usize, k: usize, v: usize, y: usize, probabilities: usize, ranges: usize,
  batch: i32, queries: i32, keys: i32, heads: i32, keyValueHeads: i32, headDim: i32,
  qRow: usize, kvRow: usize, mask: i32, mean: bool, scale: f32, scratch: usize,
): void {
  const yRow = <usize>(heads * headDim) << 2;
  const pRow = <usize>((keys + 3) & ~3) << 2;
  const group = heads / keyValueHeads;
  const block = blockOf(queries, mask);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = <usize>((h / group) * headDim) << 2;
      const qHead = <usize>(h * headDim) << 2;
      for (let i0 = 0; i0 < queries; i0 += block) {
        const rows = min(block, queries - i0);
        const first = firstKey(ranges, i0, rows, mask);
        const end = endKey(ranges, i0, rows, keys, mask);
        const p = probabilities + <usize>i0 * pRow;
        const from = <usize>first << 2;
        const width = end - first;
        const qAt = q + qHead + <usize>i0 * qRow;
        const kAt = k + kvHead + <usize>first * kvRow;
        if (rows == 1) {
          dots(qAt, kAt, kvRow, width, headDim, p + from);
        } else if (width > 0) {
          gemm(rows, width, headDim, qAt, qRow, 4, kAt, 4, kvRow, p + from, pRow, scratch, false);
        }
        for (let i = 0; i < rows; i++) {
          const start = rangeStart(ranges, i0 + i, mask);
          const stop = rangeEnd(ranges, i0 + i, keys, mask);
          softmax(p + <usize>i * pRow, start, stop, keys, pRow, mean, scale);
        }
        // Means reach beyond the block's range.
        const blind = mean && mask == RANGES;
        const outFirst = blind ? 0 : first;
        const outWidth = blind ? keys : width;
        const target = y + qHead + <usize>i0 * yRow;
        const pAt = p + (<usize>outFirst << 2);
        const vAt = v + kvHead + <usize>outFirst * kvRow;
        if (rows == 1) {
          weightedSum(pAt, vAt, kvRow, outWidth, headDim, target);
        } else if (outWidth > 0) {
          gemm(rows, headDim, outWidth, pAt, pRow, 4, vAt, kvRow, 4, target, yRow, scratch, false);
        } else {
          clear(target, rows, headDim, yRow);
        }
      }
      probabilities += <usize>queries * pRow;
    }
    q += <usize>queries * qRow;
    k += <usize>keys * kvRow;
    v += <usize>keys * kvRow;
    y += <usize>queries * yRow;
    if (mask == RANGES) ranges += <usize>queries << 3;
  }
}

/** `dScores` is scratch for one block of queries: [min(Tq, 96), stride]. Gradients have the strides of what they are for. */
export function attentionGradient(
  dy: usize, q: usize, k: usize, v: usize, probabilities: usize, ranges: usize, dQ: usize, dK: usize, dV: usize,
  batch: i32, queries: i32, keys: i32, heads: i32, keyValueHeads: i32, headDim: i32,
  qRow: usize, kvRow: usize, mask: i32, mean: bool, scale: f32, dScores: usize, scratch: usize,
): void {
  const yRow = <usize>(heads * headDim) << 2;
  const pRow = <usize>((keys + 3) & ~3) << 2;
  const group = heads / keyValueHeads;
  const block = blockOf(queries, mask);
  const blind = mean && mask == RANGES;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = <usize>((h / group) * headDim) << 2;
      const qHead = <usize>(h * headDim) << 2;
      // The first query head of a group writes, the others add.
      const firstOfGroup = h % group == 0;
      const whole = firstOfGroup && block >= queries && mask != RANGES;
      if (firstOfGroup && !whole) {
        clear(dK + kvHead, keys, headDim, kvRow);
        clear(dV + kvHead, keys, headDim, kvRow);
      }
      for (let i0 = 0; i0 < queries; i0 += block) {
        const rows = min(block, queries - i0);
        const first = blind ? 0 : firstKey(ranges, i0, rows, mask);
        const width = (blind ? keys : endKey(ranges, i0, rows, keys, mask)) - first;
        const dQAt = dQ + qHead + <usize>i0 * qRow;
        if (width <= 0) {
          clear(dQAt, rows, headDim, qRow);
          continue;
        }
        const from = <usize>first << 2;
        const skip = kvHead + <usize>first * kvRow;
        const p = probabilities + <usize>i0 * pRow;
        const d = dy + qHead + <usize>i0 * yRow;
        gemm(width, headDim, rows, p + from, 4, pRow, d, yRow, 4, dV + skip, kvRow, scratch, !whole);
        gemm(rows, width, headDim, d, yRow, 4, v + skip, 4, kvRow, dScores + from, pRow, scratch, false);
        for (let i = 0; i < rows; i++) {
          const at = <usize>i * pRow;
          const start = rangeStart(ranges, i0 + i, mask);
          const stop = rangeEnd(ranges, i0 + i, keys, mask);
          softmaxGradient(dScores + at, p + at, start, stop, first, first + width, scale);
        }
        gemm(rows, headDim, width, dScores + from, pRow, 4, k + skip, kvRow, 4, dQAt, qRow, scratch, false);
        gemm(width, headDim, rows, dScores + from, 4, pRow, q + qHead + <usize>i0 * qRow, qRow, 4,
          dK + skip, kvRow, scratch, !whole);
      }
      probabilities += <usize>queries * pRow;
    }
    q += <usize>queries * qRow;
    k += <usize>keys * kvRow;
    v += <usize>keys * kvRow;
    dQ += <usize>queries * qRow;
    dK += <usize>keys * kvRow;
    dV += <usize>keys * kvRow;
    dy += <usize>queries * yRow;
    if (mask == RANGES) ranges += <usize>queries << 3;
  }
}

function blockOf(queries: i32, mask: i32): i32 {
  return mask == 0 || queries <= ONE_BLOCK ? queries : BLOCK;
}

/** Rows of `dScores` that `attentionGradient` needs. */
export function attentionBlock(queries: i32, mask: i32): i32 {
  return blockOf(queries, mask);
}

/** The first key that any of the queries sees. */
function firstKey(ranges: usize, query: i32, rows: i32, mask: i32): i32 {
  if (mask != RANGES) return 0;
  let first = i32.MAX_VALUE;
  let any = false;
  for (let i = query; i < query + rows; i++) {
    const start = rangeStart(ranges, i, mask);
    if (start < rangeEnd(ranges, i, 0, mask)) {
      first = min(first, start);
      any = true;
    }
  }
  return any ? first : 0;
}

/** One past the last key that any of the queries sees. */
function endKey(ranges: usize, query: i32, rows: i32, keys: i32, mask: i32): i32 {
  if (mask == 0) return keys;
  let end = 0;
  for (let i = query; i < query + rows; i++) {
    const stop = rangeEnd(ranges, i, keys, mask);
    if (rangeStart(ranges, i, mask) < stop) end = max(end, stop);
  }
  return end;
}

function clear(to: usize, rows: i32, headDim: i32, row: usize): void {
  for (let i = 0; i < rows; i++) {
    memory.fill(to, 0, <usize>headDim << 2);
    to += row;
  }
}
