/**
 * Weights on the line between two models: `(1 - alpha) from + alpha to` (WiSE-FT, https://arxiv.org/abs/2109.01903). Computed in
 * double precision and rounded once; at 0 and 1 they are those of `from` and `to`, bit for bit.
 */
export function interpolated(alpha: number, from: Float32Array, to: Float32Array): Float32Array {
  if (alpha === 0) return from.slice();
  if (alpha === 1) return to.slice();
  return from.map((weight, i) => (1 - alpha) * weight + alpha * to[i]!);
}
