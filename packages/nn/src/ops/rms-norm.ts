import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels } from '../kernels/kernels.ts';
import type { Tensor, Tensor1D } from '../tensorflow.ts';

/** `x / rms(x) * weight` over the last axis, without centring (https://arxiv.org/abs/1910.07467), as Llama does. */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon = 1e-6): Tensor {
  assert(weight.size === x.shape.at(-1), `rmsNorm: x [${x.shape}], weight [${weight.shape}]`);
  return differentiable({
    inputs: { x, weight },
    forward: (save) => {
      const { output, saved } = kernels().rmsNorm(x, weight as Tensor1D, epsilon);
      save(x, weight, ...saved);
      return output;
    },
    gradients: (dy, [savedX, savedWeight, ...saved]) => {
      const inputs = { x: savedX!, weight: savedWeight as Tensor1D, saved };
      const gradients = kernels().rmsNormGradient(dy, inputs);
      return { x: () => gradients.x, weight: () => gradients.weight };
    },
  });
}
