/**
 * The token table of a decoder, from ids to embeddings and, where the head is tied to it, from hidden states to logits.
 * Rows for new tokens may lie in a tensor of their own, so that they are trained while the table is not.
 */
import { embed, linear, tf } from '@triptych/nn';

export interface TokenTable {
  /** [V, D]. */
  readonly rows: tf.Tensor2D;
  /** [K, D]: tokens V to V + K - 1. */
  readonly newRows?: tf.Tensor2D;
}

/** Int32 `ids` [...] to [..., D]. Differentiable; run it inside a tidy. */
export function embedTokens(ids: tf.Tensor, { rows, newRows }: TokenTable): tf.Tensor {
  if (newRows === undefined) return embed(rows, ids);
  const [old] = rows.shape;
  const isNew = tf.greaterEqual(ids, tf.scalar(old, 'int32'));
  const zero = tf.zerosLike(ids);
  const before = embed(rows, tf.where(isNew, zero, ids));
  const after = embed(newRows, tf.where(isNew, tf.sub(ids, tf.scalar(old, 'int32')), zero));
  return tf.where(tf.expandDims(isNew, -1), after, before);
}

/** Hidden states [..., D] to logits [..., V + K]. Differentiable; run it inside a tidy. */
export function tokenLogits(hidden: tf.Tensor, { rows, newRows }: TokenTable): tf.Tensor {
  const logits = linear(hidden, rows);
  return newRows === undefined ? logits : tf.concat([logits, linear(hidden, newRows)], -1);
}
