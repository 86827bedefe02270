import { differentiable } from '../autodiff/tape.ts';
import { type GeluKind, kernels } from '../kernels/kernels.ts';
import type { Tensor } from '../tensorflow.ts';

/**
 * The GELU under its names in Hugging Face configurations: `gelu` is exact (erf), `gelu_new` the tanh approximation,
 * `quick_gelu` is `x * sigmoid(1.702 x)` (https://arxiv.org/abs/1606.08415).
 */
export function gelu(x: Tensor, kind: GeluKind): Tensor {
  return differentiable({
    inputs: { x },
    forward: (save) => {
      const y = kernels().gelu(x, kind);
      // Costs nothing: the layer that comes next keeps its input as well.
      save(x, y);
      return y;
    },
    gradients: (dy, [savedX, savedY]) => ({
      x: () => kernels().geluGradient(dy, { x: savedX!, y: savedY! }, kind),
    }),
  });
}
