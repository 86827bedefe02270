/** Attention and rotary positions in plain TensorFlow.js operations. */
import { type Tensor, type Tensor3D, tf } from '../../tensorflow.ts';
import type { AttentionMask, KeyRanges } from '../attention-mask.ts';
import { type AttentionShape, attentionShape } from '../attention-shape.ts';
import type { AttentionSettings, Kernels, Projections } from '../kernels.ts';

export const portableAttention: Pick<Kernels, 'attention' | 'attentionGradient' | 'rotate'> = {
  attention(projections, settings) {
    const shape = attentionShape(projections, settings);
    const { q, k, v } = split(projections, shape);
    const scores = onQueries(tf.mul(tf.matMul(q, k, false, true), shape.scale), shape);
    const probabilities = masked(scores, settings, shape);
    const output = tf.matMul(grouped(probabilities, shape), v);
    return { output: mergeHeads(onQueries(output, shape), shape), saved: [probabilities] };
  },

  attentionGradient(dy, { projections, saved: [probabilities] }, settings) {
    const shape = attentionShape(projections, settings);
    const { q, k, v } = split(projections, shape);
    const p = grouped(probabilities!, shape);
    const dOutput = grouped(splitHeads(dy, shape.heads), shape);
    const dP = tf.matMul(dOutput, v, false, true);
    const centred = tf.sub(dP, tf.sum(tf.mul(dP, p), -1, true));
    const dScores = grouped(
      seeing(onQueries(tf.mul(tf.mul(p, centred), shape.scale), shape), settings),
      shape,
    );
    const gradients = [
      mergeHeads(onQueries(tf.matMul(dScores, k), shape), shape),
      mergeHeads(tf.matMul(dScores, q, true, false), { ...shape, heads: shape.keyValueHeads }),
      mergeHeads(tf.matMul(p, dOutput, true, false), { ...shape, heads: shape.keyValueHeads }),
    ] as const;
    return projections.length === 1
      ? [tf.concat([...gradients], -1)]
      : [gradients[0], tf.concat([gradients[1], gradients[2]], -1)];
  },

  rotate(x, { table, heads, inverse }) {
    const [batch, length, width] = x.shape;
    const half = table.headDim / 2;
    const angles = (values: Float32Array) =>
      tf.tensor4d(values, [values.length / (length * half), length, 1, half], 'float32');
    const [cos, sin] = [angles(table.cos), tf.mul(angles(table.sin), inverse ? -1 : 1)];
    const [turned, rest] = tf.split(x, [heads * table.headDim, width - heads * table.headDim], -1);
    const pairs = tf.reshape(turned!, [batch, length, heads, table.headDim]);
    const [a, b] = tf.split(pairs, 2, -1) as [Tensor, Tensor];
    const rotated = tf.concat(
      [tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))],
      -1,
    );
    return tf.concat([tf.reshape(rotated, [batch, length, -1]), rest as Tensor3D], -1) as Tensor3D;
  },
};

/** q as `[B,K,(H/K)Tq,d]`, k and v as `[B,K,Tk,d]`: the query heads that share a key head are one long matrix. */
function split(projections: Projections, shape: AttentionShape) {
  const { heads, keyValueHeads, headDim } = shape;
  const widths = [heads, keyValueHeads, keyValueHeads].map((count) => count * headDim);
  const [first, second] = projections;
  const parts =
    second === undefined
      ? tf.split(first, widths, -1)
      : [first, ...tf.split(second, [widths[1]!, widths[2]!], -1)];
  const [q, k, v] = parts as [Tensor3D, Tensor3D, Tensor3D];
  return {
    q: grouped(splitHeads(q, heads), shape),
    k: splitHeads(k, keyValueHeads),
    v: splitHeads(v, keyValueHeads),
  };
}

function splitHeads(x: Tensor3D, heads: number): Tensor {
  const [batch, length, width] = x.shape;
  return tf.transpose(tf.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

function mergeHeads(x: Tensor, { batch, heads, headDim }: AttentionShape): Tensor3D {
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, x.shape[2]!, heads * headDim]);
}

/** `[B,H,Tq,n]` as `[B,K,(H/K)Tq,n]` and back. */
const grouped = (x: Tensor, { batch, keyValueHeads }: AttentionShape) =>
  tf.reshape(x, [batch, keyValueHeads, -1, x.shape.at(-1)!]);
const onQueries = (x: Tensor, { batch, heads, queries }: AttentionShape) =>
  tf.reshape(x, [batch, heads, queries, x.shape.at(-1)!]);

/** The probabilities `[B,H,Tq,Tk]` of scores of the same shape. */
function masked(scores: Tensor, { mask, blind }: AttentionSettings, shape: AttentionShape): Tensor {
  if (mask === 'full') return tf.softmax(scores);
  const hidden = tf.softmax(tf.add(scores, tf.mul(tf.sub(visible(mask, shape), 1), 1e9)));
  // Where all keys are hidden alike, the softmax is that of the scores: replaced by zeros or by the mean.
  if (mask === 'causal') return hidden;
  const seen = sees(mask);
  const probabilities = tf.mul(hidden, seen);
  return blind === 'zero' ? probabilities : tf.add(probabilities, tf.mul(tf.sub(1, seen), 1 / shape.keys));
}

/** Gradients of scores without those of queries that see nothing. */
const seeing = (dScores: Tensor, { mask }: AttentionSettings): Tensor =>
  typeof mask === 'string' ? dScores : tf.mul(dScores, sees(mask));

/** 1 where a query sees a key: `[B or 1, 1, Tq, Tk]`. */
function visible(mask: Exclude<AttentionMask, 'full'>, { queries, keys }: AttentionShape): Tensor {
  const batch = mask === 'causal' ? 1 : mask.batch;
  const flags = new Float32Array(batch * queries * keys);
  for (let row = 0; row < batch * queries; row++) {
    const [first, end] =
      mask === 'causal' ? [0, row + 1] : [mask.bounds[2 * row]!, mask.bounds[2 * row + 1]!];
    flags.fill(1, row * keys + first, row * keys + end);
  }
  return tf.tensor4d(flags, [batch, 1, queries, keys]);
}

/** 1 where a query sees any key: `[B,1,Tq,1]`. */
const sees = ({ batch, queries, bounds }: KeyRanges): Tensor =>
  tf.tensor4d(
    Float32Array.from({ length: batch * queries }, (_, row) =>
      bounds[2 * row]! < bounds[2 * row + 1]! ? 1 : 0,
    ),
    [batch, 1, queries, 1],
  );
