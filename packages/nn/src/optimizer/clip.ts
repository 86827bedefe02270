/**
 * Scales `gradient` in place so that its Euclidean norm is at most `maxNorm` (0: no limit), as PyTorch's
 * `clip_grad_norm_`: `g *= min(1, maxNorm / (norm + 1e-6))`. Returns the norm from before; the sum is in double
 * precision and in index order.
 */
export function clipByGlobalNorm(gradient: Float32Array, maxNorm: number): number {
  let sumOfSquares = 0;
  for (let i = 0; i < gradient.length; i++) sumOfSquares += gradient[i]! * gradient[i]!;
  const norm = Math.sqrt(sumOfSquares);
  const factor = maxNorm / (norm + 1e-6);
  if (maxNorm > 0 && factor < 1) {
    for (let i = 0; i < gradient.length; i++) gradient[i] = gradient[i]! * factor;
  }
  return norm;
}
