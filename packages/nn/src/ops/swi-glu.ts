import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { type Tensor, tf } from '../tensorflow.ts';

/** `silu(gate) * up`, the gated activation of Llama's MLP (https://arxiv.org/abs/2002.05202); shapes are equal. */
export function swiGlu(gate: Tensor, up: Tensor): Tensor {
  assert(gate.shape.join() === up.shape.join(), `swiGlu: gate [${gate.shape}], up [${up.shape}]`);
  return differentiable({
    inputs: { gate, up },
    forward: (save) => {
      save(gate, up);
      return tf.mul(tf.mul(gate, tf.sigmoid(gate)), up);
    },
    gradients: (dy, [savedGate, savedUp]) => {
      const s = tf.sigmoid(savedGate!);
      const silu = tf.mul(savedGate!, s);
      return {
        gate: () => tf.mul(tf.mul(dy, savedUp!), tf.add(s, tf.mul(silu, tf.sub(1, s)))),
        up: () => tf.mul(dy, silu),
      };
    },
  });
}
