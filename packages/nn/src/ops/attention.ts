import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { type AttentionOptions, kernels } from '../kernels/kernels.ts';
import type { Tensor3D } from '../tensorflow.ts';

/**
 * Scaled dot-product self-attention over packed projections: `qkv[B,T,3D]` (q | k | v, each heads x headDim) to
 * `[B,T,D]`. The scale is `headDim^-0.5`; with `causal`, a position sees itself and the earlier ones.
 */
export function attention(qkv: Tensor3D, options: AttentionOptions): Tensor3D {
  assert(qkv.shape[2] % (3 * options.heads) === 0, `attention: [${qkv.shape}] into ${options.heads} heads`);
  return differentiable({
    inputs: { qkv },
    forward: (save) => {
      const { output, saved } = kernels().attention(qkv, options);
      save(qkv, ...saved);
      return output;
    },
    gradients: (dy, [savedQkv, ...saved]) => ({
      qkv: () => kernels().attentionGradient(dy as Tensor3D, { qkv: savedQkv as Tensor3D, saved }, options),
    }),
  }) as Tensor3D;
}
