/** Which positions of a batch predict a token that counts. */
import { embed, IGNORED_LABEL, tf } from '@triptych/nn';

export interface NextTokenTargets {
  /** Rows of the hidden states [batch * T, D] that predict a token that counts, ascending. */
  readonly rows: Int32Array;
  /** What each of them is to predict. */
  readonly labels: Int32Array;
}

/** `labels` [batch, T] stand where their tokens do: the state at t predicts the label at t + 1. */
export function nextTokenTargets(labels: Int32Array, batch: number): NextTokenTargets {
  const length = labels.length / batch;
  const rows: number[] = [];
  for (let row = 0; row < labels.length; row++)
    if (row % length !== length - 1 && labels[row + 1] !== IGNORED_LABEL) rows.push(row);
  return { rows: Int32Array.from(rows), labels: Int32Array.from(rows, (row) => labels[row + 1]!) };
}

/** Those rows of `hidden` [B, T, D]: [n, D]. A vocabulary is wide; logits of the others would be most of the memory. */
export function rowsAt(hidden: tf.Tensor3D, rows: Int32Array): tf.Tensor2D {
  const [batch, length, width] = hidden.shape;
  return tf.tidy(
    () => embed(tf.reshape(hidden, [batch * length, width]), tf.tensor1d(rows, 'int32')) as tf.Tensor2D,
  );
}
