/**
 * Weights on the line between two models: `(1 - alpha) from + alpha to` (WiSE-FT, https://arxiv.org/abs/2109.01903). Computed in
 * double precision and rounded once; at 0 and 1 they are those of `from` and `to`, bit for bit. Tensor-free.
 */
import { bytesOfFloats, floats, isWeightDtype, type StreamedTensor } from '@triptych/nn/safetensors';
import type { NamedWeight, NamedWeights } from './named-weights.ts';

export function interpolated(alpha: number, from: Float32Array, to: Float32Array): Float32Array {
  if (alpha === 0) return from.slice();
  if (alpha === 1) return to.slice();
  return from.map((weight, i) => (1 - alpha) * weight + alpha * to[i]!);
}

/** Of the same names and shapes, to be written in the types that `to` has; two tensors are in memory at a time. */
export const interpolatedTensors = (
  alpha: number,
  { from, to }: { readonly from: NamedWeights; readonly to: NamedWeights },
): StreamedTensor[] =>
  [...to].map(([name, weight]) => ({
    name,
    shape: weight.shape,
    dtype: weight.dtype,
    read: async () => {
      const numbers = interpolated(alpha, await numbersOf(from.get(name)!), await numbersOf(weight));
      return bytesOfFloats(isWeightDtype(weight.dtype) ? weight.dtype : 'F32', numbers);
    },
  }));

async function numbersOf(weight: NamedWeight): Promise<Float32Array> {
  const { dtype, data } = await weight.read();
  return floats(dtype, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
