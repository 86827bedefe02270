/** Every kernel in plain TensorFlow.js operations: runs on any backend, and is the oracle for the fast ones. */
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../../tensorflow.ts';
import { storedAsFloats, unshared } from '../../vectors/stored-numbers.ts';
import type { GeluKind, Kernels } from '../kernels.ts';
import { portableAttention } from './attention.ts';

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

  rmsNorm(x, weight, epsilon) {
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    return { output: tf.mul(tf.mul(x, inverse), weight), saved: [inverse] };
  },
  rmsNormGradient(dy, { x, weight, saved: [inverse] }) {
    const normalised = tf.mul(x, inverse!);
    const scaled = tf.mul(dy, weight);
    const projection = tf.mul(normalised, tf.mean(tf.mul(scaled, normalised), -1, true));
    return {
      x: tf.mul(inverse!, tf.sub(scaled, projection)),
      weight: tf.sum(rowsOf(tf.mul(dy, normalised)), 0),
    };
  },

  gelu: (x, kind) => geluOf[kind](x),
  geluGradient: (dy, { x }, kind) => tf.mul(dy, slopeOf[kind](x)),

  swiGlu(gateUp) {
    const [gate, up] = tf.split(gateUp, 2, -1) as [Tensor, Tensor];
    return tf.mul(tf.mul(gate, tf.sigmoid(gate)), up);
  },
  swiGluGradient(dy, gateUp) {
    const [gate, up] = tf.split(gateUp, 2, -1) as [Tensor, Tensor];
    const s = tf.sigmoid(gate);
    const silu = tf.mul(gate, s);
    return tf.concat([tf.mul(tf.mul(dy, up), tf.add(s, tf.mul(silu, tf.sub(1, s)))), tf.mul(dy, silu)], -1);
  },

  ...portableAttention,

  gatherRows: (table, ids) => tf.gather(table, ids as Tensor1D),
  scatterRows(dy, ids, rows) {
    const width = dy.shape.at(-1)!;
    return tf.scatterND(tf.reshape(ids, [-1, 1]), rowsOf(dy), [rows, width]) as Tensor2D;
  },
  appendRows(rows, { cache, length, column }) {
    const [batch, count, width] = rows.shape;
    const added = tf.slice(rows, [0, 0, column], [batch, count, width - column]);
    // Whole caches are made anew: they have no rows to spare, and nothing to be masked.
    return cache === undefined ? added : tf.concat([tf.slice(cache, 0, [-1, length, -1]), added], 1);
  },

  crossEntropy(logits, labels) {
    const logProbabilities = tf.logSoftmax(logits);
    const output = tf.neg(tf.sum(tf.mul(logProbabilities, targets(labels, logits.shape[1]))));
    return { output, saved: [logProbabilities] };
  },
  crossEntropyGradient(scale, { logits, labels, saved: [logProbabilities] }) {
    const counted = tf.mul(tf.exp(logProbabilities!), countsColumn(labels));
    return tf.mul(scale, tf.sub(counted, targets(labels, logits.shape[1])));
  },
  frozenMatrix: (numbers, shape) => tf.tensor2d(unshared(storedAsFloats(numbers)), [...shape]),
  read: async (x) => (await x.data()) as Float32Array,
};

const rowsOf = (x: Tensor): Tensor2D => tf.reshape(x, [-1, x.shape.at(-1)!]);

/** Rows that do not count are zero in both. */
const countsColumn = (labels: Int32Array) =>
  tf.tensor2d(
    Float32Array.from(labels, (label) => (label < 0 ? 0 : 1)),
    [labels.length, 1],
  );
const targets = (labels: Int32Array, classes: number) =>
  tf.mul(
    tf.oneHot(
      tf.tensor1d(
        labels.map((label) => Math.max(0, label)),
        'int32',
      ),
      classes,
    ),
    countsColumn(labels),
  );

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
