/**
 * The kernels of the tensorflow backend: the portable ones, except where another TensorFlow operation does the same in
 * less time. Figures: [4160,1024] on one thread of an AMD EPYC (docs/experiments.md).
 */
import type { Precision } from '../../engine/engine.ts';
import { type Tensor, type Tensor2D, tf } from '../../tensorflow.ts';
import type { Kernels } from '../kernels.ts';
import { portable } from '../portable/portable.ts';
import { matMulAttributes, type RawOps, typeAttribute } from './raw-ops.ts';

export function tensorflowKernels(ops: RawOps, precision: Precision): Kernels {
  const float32 = [typeAttribute('T', 'float32')];
  const multiply = (a: Tensor2D, b: Tensor2D, transposed: { a: boolean; b: boolean }) =>
    precision === 'bf16'
      ? ops.matMulBf16(a, b, transposed)
      : ops.run('MatMul', [a, b], matMulAttributes('float32', transposed));

  return {
    ...portable,

    linear(x, weight, bias) {
      const y = multiply(rowsOf(x), weight, { a: false, b: true });
      const biased = bias === undefined ? y : ops.run('BiasAdd', [y, bias], float32);
      return tf.reshape(biased, [...x.shape.slice(0, -1), weight.shape[0]]);
    },
    linearInputGradient: (dy, weight) =>
      tf.reshape(multiply(rowsOf(dy), weight, { a: false, b: false }), [
        ...dy.shape.slice(0, -1),
        weight.shape[1],
      ]),
    linearWeightGradient: (dy, x) => multiply(rowsOf(dy), rowsOf(x), { a: true, b: false }) as Tensor2D,

    geluGradient(dy, inputs, kind) {
      if (kind !== 'quick_gelu') return portable.geluGradient(dy, inputs, kind);
      const z = tf.mul(1.702, inputs.x);
      const s = tf.sigmoid(z);
      // SigmoidGrad(s, z) is z s (1 - s) in one pass.
      return tf.mul(dy, tf.add(s, ops.run('SigmoidGrad', [s, z], float32)));
    },

    // TensorFlow.js reads the ids back to check them; TensorFlow checks them itself.
    gatherRows: (table, ids) =>
      ops.run(
        'GatherV2',
        [table, ids, tf.scalar(0, 'int32')],
        [
          typeAttribute('Tparams', 'float32'),
          typeAttribute('Tindices', 'int32'),
          typeAttribute('Taxis', 'int32'),
        ],
      ),
  };
}

const rowsOf = (x: Tensor): Tensor2D => tf.reshape(x, [-1, x.shape.at(-1)!]);
