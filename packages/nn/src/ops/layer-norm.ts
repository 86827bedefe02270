import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels } from '../kernels/kernels.ts';
import type { Tensor, Tensor1D } from '../tensorflow.ts';

/** Normalises the last axis to mean 0 and variance 1 (biased, as PyTorch), then `* weight + bias`. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  const width = x.shape.at(-1);
  assert(weight.size === width && bias.size === width, `layerNorm: x [${x.shape}], weight [${weight.shape}]`);
  return differentiable({
    inputs: { x, weight, bias },
    forward: (save) => {
      const { output, saved } = kernels().layerNorm(x, weight as Tensor1D, bias as Tensor1D, epsilon);
      save(x, weight, ...saved);
      return output;
    },
    gradients: (dy, [savedX, savedWeight, ...saved]) => {
      const gradients = kernels().layerNormGradient(dy, {
        x: savedX!,
        weight: savedWeight as Tensor1D,
        saved,
      });
      return { x: () => gradients.x, weight: () => gradients.weight, bias: () => gradients.bias };
    },
  });
}
