/** Sigmoid loss: every pair is a yes-or-no question of its own (SigLIP, arXiv 2303.15343). */
import type { PairLoss } from '../pair-loss.ts';

/** L = -1/N sum_ij log sigmoid(z_ij S_ij), z = +1 on the diagonal and -1 elsewhere: a sum over N^2 pairs, divided by N. */
export const sigLip: PairLoss = (logits, pairs) => {
  const lossOfRow = new Float64Array(pairs);
  const gradient = new Float32Array(pairs * pairs);
  for (let i = 0; i < pairs; i++)
    for (let j = 0; j < pairs; j++) {
      const at = i * pairs + j;
      const sign = i === j ? 1 : -1;
      const margin = sign * logits[at]!;
      // Neither exponential overflows: the argument is never positive.
      const small = Math.exp(-Math.abs(margin));
      lossOfRow[i] = lossOfRow[i]! + (Math.log1p(small) + Math.max(0, -margin)) / pairs;
      gradient[at] = (-sign * (margin >= 0 ? small : 1) * (1 / (1 + small))) / pairs;
    }
  return { lossOfRow, gradient };
};
