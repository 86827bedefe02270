// Cross-entropy of rows of logits with one int32 label each; rows with a negative label do not count.
import { exp4, loadTail, storeTail, sumLanes, tailMask } from './vector';

/** `logSums[row]` = log sum exp of the row; returns the sum of logSum - logit[label] in double precision. */
export function crossEntropy(logits: usize, labels: usize, logSums: usize, rows: i32, width: i32): f64 {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  let loss: f64 = 0;
  for (let row = 0; row < rows; row++) {
    const top = largest(logits, full, rest);
    const shift = f32x4.splat(top);
    let sum = f32x4.splat(0);
    const turns = full & ~63;
    for (let i: usize = 0; i < turns; i += 64) {
      const e0 = exp4(f32x4.sub(v128.load(logits + i), shift));
      const e1 = exp4(f32x4.sub(v128.load(logits + i, 16), shift));
      const e2 = exp4(f32x4.sub(v128.load(logits + i, 32), shift));
      const e3 = exp4(f32x4.sub(v128.load(logits + i, 48), shift));
      sum = f32x4.add(sum, f32x4.add(f32x4.add(e0, e1), f32x4.add(e2, e3)));
    }
    for (let i = turns; i < full; i += 16) sum = f32x4.add(sum, exp4(f32x4.sub(v128.load(logits + i), shift)));
    if (rest) {
      const e = exp4(f32x4.sub(loadTail(logits + full, rest), shift));
      sum = f32x4.add(sum, v128.and(e, tailMask(rest)));
    }
    const logSum = top + <f32>logarithm(<f64>sumLanes(sum));
    f32.store(logSums, logSum);
    const label = i32.load(labels);
    if (label >= 0) loss += <f64>logSum - <f64>f32.load(logits + (<usize>label << 2));
    logits += <usize>width << 2;
    labels += 4;
    logSums += 4;
  }
  return loss;
}

/** `dLogits = scale * (softmax(logits) - onehot(label))`, zeros in the rows that do not count. */
export function crossEntropyGradient(
  logits: usize, labels: usize, logSums: usize, dLogits: usize, rows: i32, width: i32, scale: f32,
): void {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  const bytes = <usize>width << 2;
  const scale4 = f32x4.splat(scale);
  for (let row = 0; row < rows; row++) {
    const label = i32.load(labels);
    if (label < 0) {
      memory.fill(dLogits, 0, bytes);
    } else {
      const shift = f32x4.splat(f32.load(logSums));
      const turns = full & ~63;
      for (let i: usize = 0; i < turns; i += 64) {
        const x0 = v128.load(logits + i);
        const x1 = v128.load(logits + i, 16);
        const x2 = v128.load(logits + i, 32);
        const x3 = v128.load(logits + i, 48);
        v128.store(dLogits + i, f32x4.mul(scale4, exp4(f32x4.sub(x0, shift))));
        v128.store(dLogits + i, f32x4.mul(scale4, exp4(f32x4.sub(x1, shift))), 16);
        v128.store(dLogits + i, f32x4.mul(scale4, exp4(f32x4.sub(x2, shift))), 32);
        v128.store(dLogits + i, f32x4.mul(scale4, exp4(f32x4.sub(x3, shift))), 48);
      }
      for (let i = turns; i < full; i += 16) {
        v128.store(dLogits + i, f32x4.mul(scale4, exp4(f32x4.sub(v128.load(logits + i), shift))));
      }
      if (rest) {
        const e = exp4(f32x4.sub(loadTail(logits + full, rest), shift));
        storeTail(dLogits + full, f32x4.mul(scale4, e), rest);
      }
      const at = dLogits + (<usize>label << 2);
      f32.store(at, f32.load(at) - scale);
    }
    logits += bytes;
    dLogits += bytes;
    labels += 4;
    logSums += 4;
  }
}

/**
 * The natural logarithm of a finite positive number, NaN for NaN: 2 artanh((m - 1) / (m + 1)) of the mantissa, whose
 * series ends below the last bit. The standard library's has a table, which these kernels may not have.
 */
function logarithm(x: f64): f64 {
  if (!(x > 0) || x == Infinity) return x > 0 ? x : NaN;
  const bits = reinterpret<u64>(x);
  let exponent = <i32>(bits >> 52) - 1023;
  let mantissa = reinterpret<f64>((bits & 0xfffffffffffff) | 0x3ff0000000000000);
  if (mantissa > 1.4142135623730951) {
    mantissa *= 0.5;
    exponent++;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let series: f64 = 1 / 19.0;
  for (let odd = 17; odd > 0; odd -= 2) series = series * square + 1 / <f64>odd;
  return <f64>exponent * 0.6931471805599453 + 2 * s * series;
}

/** The largest of the floats: four at a time, then the 1 to 3 that are left. NaN is not larger: it shows in the sum. */
// @ts-ignore: decorator
@inline
function largest(from: usize, full: usize, rest: usize): f32 {
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
