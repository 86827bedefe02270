import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels } from '../kernels/kernels.ts';
import type { Tensor, Tensor1D, Tensor2D } from '../tensorflow.ts';

/** `x[...,in] weight[out,in]^T + bias[out]` to `[...,out]`; the weight has PyTorch's layout. */
export function linear(x: Tensor, weight: Tensor2D, bias?: Tensor1D): Tensor {
  const [outWidth, inWidth] = weight.shape;
  assert(x.shape.at(-1) === inWidth, `linear: x is [${x.shape}] but the weight is [${weight.shape}]`);
  assert(
    bias === undefined || bias.size === outWidth,
    `linear: bias [${bias?.shape}], weight [${weight.shape}]`,
  );
  return differentiable({
    inputs: bias === undefined ? { x, weight } : { x, weight, bias },
    forward: (save) => {
      save(x, weight);
      return kernels().linear(x, weight, bias);
    },
    gradients: (dy, [savedX, savedWeight]) => ({
      x: () => kernels().linearInputGradient(dy, savedWeight as Tensor2D),
      weight: () => kernels().linearWeightGradient(dy, savedX!),
      bias: () => kernels().columnSum(dy),
    }),
  });
}
