// Self-attention over packed projections qkv[B,T,3,H,d], head by head.
// `probabilities` is [B,H,T,stride], stride = T rounded up to 4, with zeros in the padding.
import { gemm } from './gemm';
import { exp4, sumLanes } from './vector';

export function attention(
  qkv: usize, probabilities: usize, y: usize,
  batch: i32, length: i32, heads: i32, headDim: i32, causal: bool, scale: f32, scratch: usize,
): void {
  const row = <usize>(3 * heads * headDim) << 2;
  const yRow = <usize>(heads * headDim) << 2;
  const pRow = <usize>((length + 3) & ~3) << 2;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const offset = <usize>(h * headDim) << 2;
      const q = qkv + offset;
      const k = q + yRow;
      const v = k + yRow;
      gemm(length, length, headDim, q, row, 4, k, 4, row, probabilities, pRow, scratch);
      for (let i = 0; i < length; i++) {
        softmax(probabilities + <usize>i * pRow, causal ? i + 1 : length, pRow, scale);
      }
      gemm(length, headDim, length, probabilities, pRow, 4, v, row, 4, y + offset, yRow, scratch);
      probabilities += <usize>length * pRow;
    }
    qkv += <usize>length * row;
    y += <usize>length * yRow;
  }
}

/** `dScores` is scratch for one head: [T,stride]. */
export function attentionGradient(
  dy: usize, qkv: usize, probabilities: usize, dQkv: usize,
  batch: i32, length: i32, heads: i32, headDim: i32, scale: f32, dScores: usize, scratch: usize,
): void {
  const row = <usize>(3 * heads * headDim) << 2;
  const yRow = <usize>(heads * headDim) << 2;
  const pRow = <usize>((length + 3) & ~3) << 2;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const offset = <usize>(h * headDim) << 2;
      const q = qkv + offset;
      const k = q + yRow;
      const v = k + yRow;
      const dQ = dQkv + offset;
      const dK = dQ + yRow;
      const dV = dK + yRow;
      const d = dy + offset;
      gemm(length, headDim, length, probabilities, 4, pRow, d, yRow, 4, dV, row, scratch);
      gemm(length, length, headDim, d, yRow, 4, v, 4, row, dScores, pRow, scratch);
      for (let i = 0; i < length; i++) {
        const at = <usize>i * pRow;
        softmaxGradient(dScores + at, probabilities + at, length, pRow, scale);
      }
      gemm(length, headDim, length, dScores, pRow, 4, k, row, 4, dQ, row, scratch);
      gemm(length, headDim, length, dScores, 4, pRow, q, row, 4, dK, row, scratch);
      probabilities += <usize>length * pRow;
    }
    qkv += <usize>length * row;
    dQkv += <usize>length * row;
    dy += <usize>length * yRow;
  }
}

/** softmax(scale * scores) over the first `length` floats in place; the rest of `bytes` becomes zero. */
export function softmax(scores: usize, length: i32, bytes: usize, scale: f32): void {
  const used = <usize>((length + 3) & ~3) << 2;
  const end = <usize>length << 2;
  for (let j = end; j < used; j += 4) f32.store(scores + j, -3e38);
  let largest = v128.load(scores);
  for (let j: usize = 16; j < used; j += 16) largest = f32x4.pmax(largest, v128.load(scores + j));
  const top = max(
    max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
    max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
  );
  const scale4 = f32x4.splat(scale);
  const shift = f32x4.splat(top * scale);
  let sum = f32x4.splat(0);
  for (let j: usize = 0; j < used; j += 16) {
    const e = exp4(f32x4.sub(f32x4.mul(v128.load(scores + j), scale4), shift));
    v128.store(scores + j, e);
    sum = f32x4.add(sum, e);
  }
  // The padding lanes added e^-87 each: less than half a bit of a sum that is at least 1.
  const inverse = f32x4.splat(1 / sumLanes(sum));
  for (let j: usize = 0; j < used; j += 16) {
    v128.store(scores + j, f32x4.mul(v128.load(scores + j), inverse));
  }
  memory.fill(scores + end, 0, bytes - end);
}

/** dScores = scale * p * (dP - sum(p * dP)) over one row, in place of dP. */
function softmaxGradient(dP: usize, p: usize, length: i32, bytes: usize, scale: f32): void {
  const end = <usize>length << 2;
  for (let j = end; j < bytes; j += 4) f32.store(dP + j, 0);
  let sum = f32x4.splat(0);
  for (let j: usize = 0; j < bytes; j += 16) {
    sum = f32x4.add(sum, f32x4.mul(v128.load(p + j), v128.load(dP + j)));
  }
  const mean = f32x4.splat(sumLanes(sum));
  const scale4 = f32x4.splat(scale);
  for (let j: usize = 0; j < bytes; j += 16) {
    const centred = f32x4.sub(v128.load(dP + j), mean);
    v128.store(dP + j, f32x4.mul(scale4, f32x4.mul(v128.load(p + j), centred)));
  }
}
