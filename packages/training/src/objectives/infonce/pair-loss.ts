/** Symmetric cross entropy: every image must find its text among all texts, and every text its image (CLIP). */
import type { PairLoss } from '../pair-loss.ts';

/**
 * L = 1/2 [mean_i(a_i - S_ii) + mean_j(b_j - S_jj)] with a, b the log-sum-exp of rows and columns, so that
 * dL/dS = (softmax over rows + softmax over columns - 2 I) / 2N.
 */
export const infoNce: PairLoss = (logits, pairs) => {
  const rows = logSumExp({ logits, pairs, stride: pairs, step: 1 });
  const columns = logSumExp({ logits, pairs, stride: 1, step: pairs });
  const scale = 1 / (2 * pairs);
  const lossOfRow = new Float64Array(pairs);
  const gradient = new Float32Array(pairs * pairs);
  for (let i = 0; i < pairs; i++) {
    lossOfRow[i] = scale * (rows[i]! + columns[i]! - 2 * logits[i * pairs + i]!);
    for (let j = 0; j < pairs; j++) {
      const at = i * pairs + j;
      const logit = logits[at]!;
      const matches = i === j ? 2 : 0;
      gradient[at] = scale * (Math.exp(logit - rows[i]!) + Math.exp(logit - columns[j]!) - matches);
    }
  }
  return { lossOfRow, gradient };
};

/** Of line i = the `pairs` logits that start at `i * stride` and lie `step` apart. */
function logSumExp(lines: {
  logits: Float32Array;
  pairs: number;
  stride: number;
  step: number;
}): Float64Array {
  const { logits, pairs, stride, step } = lines;
  return Float64Array.from({ length: pairs }, (_, i) => {
    let largest = -Infinity;
    for (let j = 0; j < pairs; j++) largest = Math.max(largest, logits[i * stride + j * step]!);
    let sum = 0;
    for (let j = 0; j < pairs; j++) sum += Math.exp(logits[i * stride + j * step]! - largest);
    return largest + Math.log(sum);
  });
}
