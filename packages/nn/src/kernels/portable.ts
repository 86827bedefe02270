/** Every kernel in plain TensorFlow.js operations: runs on any backend, and is the oracle for the fast ones. */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from '../tensorflow.ts';
import type { AttentionOptions, GeluKind, Kernels } from './kernels.ts';

export const portable: Kernels = {
  linear(x, weight, bias) {
    const y = tf.matMul(rowsOf(x), weight, false, true);
    const [outWidth] = weight.shape;
    return tf.reshape(bias === undefined ? y : tf.add(y, bias), [...x.shape.slice(0, -1), outWidth]);
  },
  linearInputGradient: (dy, weight) =>
    tf.reshape(tf.matMul(rowsOf(dy), weight), [...dy.shape.slice(0, -1), weight.shape[1]]),
  linearWeightGradient: (dy, x) => tf.matMul(rowsOf(dy), rowsOf(x), true, false),
  columnSum: (x) => tf.sum(rowsOf(x), 0) as Tensor1D,

  layerNorm(x, weight, bias, epsilon) {
    const { mean, variance } = tf.moments(x, -1, true);
    const inverseDeviation = tf.rsqrt(tf.add(variance, epsilon));
    const normalised = tf.mul(tf.sub(x, mean), inverseDeviation);
    return { output: tf.add(tf.mul(normalised, weight), bias), saved: [mean, inverseDeviation] };
  },
  layerNormGradient(dy, { x, weight, saved: [mean, inverseDeviation] }) {
    const normalised = tf.mul(tf.sub(x, mean!), inverseDeviation!);
    const scaled = tf.mul(dy, weight);
    const centred = tf.sub(scaled, tf.mean(scaled, -1, true));
    const projection = tf.mul(normalised, tf.mean(tf.mul(scaled, normalised), -1, true));
    return {
      x: tf.mul(inverseDeviation!, tf.sub(centred, projection)),
      weight: tf.sum(rowsOf(tf.mul(dy, normalised)), 0),
      bias: tf.sum(rowsOf(dy), 0),
    };
  },

  gelu: (x, kind) => geluOf[kind](x),
  geluGradient: (dy, x, kind) => tf.mul(dy, slopeOf[kind](x)),

  attention(qkv, options) {
    const { split, merge, scale } = heads(qkv, options);
    const [q, k, v] = tf.split(qkv, 3, -1).map(split) as [Tensor, Tensor, Tensor];
    const scores = tf.mul(tf.matMul(q, k, false, true), scale);
    const probabilities = tf.softmax(options.causal ? tf.add(scores, causalMask(qkv.shape[1])) : scores);
    return { output: merge(tf.matMul(probabilities, v)), saved: [probabilities] };
  },
  attentionGradient(dy, { qkv, saved: [probabilities] }, options) {
    const { split, merge, scale } = heads(qkv, options);
    const [q, k, v] = tf.split(qkv, 3, -1).map(split) as [Tensor, Tensor, Tensor];
    const p = probabilities!;
    const dOutput = split(dy);
    const dP = tf.matMul(dOutput, v, false, true);
    const dScores = tf.mul(tf.mul(p, tf.sub(dP, tf.sum(tf.mul(dP, p), -1, true))), scale);
    return tf.concat(
      [
        merge(tf.matMul(dScores, k)),
        merge(tf.matMul(dScores, q, true, false)),
        merge(tf.matMul(p, dOutput, true, false)),
      ],
      -1,
    );
  },

  gatherRows: (table, ids) => tf.gather(table, ids as Tensor1D),
  scatterRows(dy, ids, rows) {
    const width = dy.shape.at(-1)!;
    return tf.scatterND(tf.reshape(ids, [-1, 1]), rowsOf(dy), [rows, width]) as Tensor2D;
  },
  read: async (x) => (await x.data()) as Float32Array,
};

const rowsOf = (x: Tensor): Tensor2D => tf.reshape(x, [-1, x.shape.at(-1)!]);

const TANH_SCALE = Math.sqrt(2 / Math.PI);

const tanhArgument = (x: Tensor) => tf.mul(TANH_SCALE, tf.add(x, tf.mul(0.044715, tf.mul(x, tf.square(x)))));

const geluOf: Record<GeluKind, (x: Tensor) => Tensor> = {
  quick_gelu: (x) => tf.mul(x, tf.sigmoid(tf.mul(1.702, x))),
  gelu: (x) => tf.mul(tf.mul(0.5, x), tf.add(1, tf.erf(tf.mul(Math.SQRT1_2, x)))),
  gelu_new: (x) => tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(tanhArgument(x)))),
};

const slopeOf: Record<GeluKind, (x: Tensor) => Tensor> = {
  quick_gelu(x) {
    const z = tf.mul(1.702, x);
    const s = tf.sigmoid(z);
    return tf.mul(s, tf.add(1, tf.mul(z, tf.sub(1, s))));
  },
  gelu(x) {
    const cumulative = tf.mul(0.5, tf.add(1, tf.erf(tf.mul(Math.SQRT1_2, x))));
    const density = tf.mul(1 / Math.sqrt(2 * Math.PI), tf.exp(tf.mul(-0.5, tf.square(x))));
    return tf.add(cumulative, tf.mul(x, density));
  },
  gelu_new(x) {
    const t = tf.tanh(tanhArgument(x));
    const inner = tf.mul(TANH_SCALE, tf.add(1, tf.mul(3 * 0.044715, tf.square(x))));
    return tf.add(tf.mul(0.5, tf.add(1, t)), tf.mul(tf.mul(0.5, x), tf.mul(inner, tf.sub(1, tf.square(t)))));
  },
};

/** How `[B,T,D]` splits into `[B,H,T,D/H]` and back, and the scale of the scores. */
function heads(qkv: Tensor3D, { heads: count }: AttentionOptions) {
  const [batch, length, tripleWidth] = qkv.shape;
  const width = tripleWidth / 3;
  const headDim = width / count;
  return {
    scale: headDim ** -0.5,
    split: (x: Tensor) => tf.transpose(tf.reshape(x, [batch, length, count, headDim]), [0, 2, 1, 3]),
    merge: (x: Tensor): Tensor3D => tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, length, width]),
  };
}

/** Added to scores `[...,T,T]`: a query sees no later key. */
function causalMask(length: number): Tensor2D {
  const mask = new Float32Array(length * length);
  for (let row = 0; row < length; row++) mask.fill(-1e9, row * length + row + 1, (row + 1) * length);
  return tf.tensor2d(mask, [length, length]);
}
