import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels } from '../kernels/kernels.ts';
import type { Tensor } from '../tensorflow.ts';

/**
 * `gateUp[...,2F]` (gate | up, so that one matrix product computes both) to `silu(gate) * up`, `[...,F]`: the gated
 * activation of Llama's MLP (https://arxiv.org/abs/2002.05202).
 */
export function swiGlu(gateUp: Tensor): Tensor {
  assert(gateUp.shape.at(-1)! % 2 === 0, `swiGlu: [${gateUp.shape}] has no two halves`);
  return differentiable({
    inputs: { gateUp },
    forward: (save) => {
      save(gateUp);
      return kernels().swiGlu(gateUp);
    },
    gradients: (dy, [saved]) => ({ gateUp: () => kernels().swiGluGradient(dy, saved!) }),
  });
}
