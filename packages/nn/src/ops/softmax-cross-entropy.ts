import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { type Tensor, type Tensor2D, tf } from '../tensorflow.ts';

/** What Hugging Face writes into labels that do not count. */
export const IGNORED_LABEL = -100;

export interface CrossEntropy {
  /** The sum of the losses of all rows that count; a scalar. Divide it by the global count, once. */
  readonly sum: Tensor;
  /** Rows that count. */
  readonly count: number;
}

/** Cross-entropy of `logits[N,V]` with one label a row, leaving out the rows labelled {@link IGNORED_LABEL}. */
export function softmaxCrossEntropy(logits: Tensor2D, labels: Int32Array): CrossEntropy {
  const [rows, classes] = logits.shape;
  assert(labels.length === rows, `softmaxCrossEntropy: ${labels.length} labels for ${rows} rows`);
  const counts = Float32Array.from(labels, (label) => (label === IGNORED_LABEL ? 0 : 1));
  const indices = labels.map((label) => {
    assert(
      label === IGNORED_LABEL || (label >= 0 && label < classes),
      `label ${label} of ${classes} classes`,
    );
    return label === IGNORED_LABEL ? 0 : label;
  });
  // Rows that do not count are all zero in both.
  const countsColumn = () => tf.tensor2d(counts, [rows, 1]);
  const targets = () => tf.mul(tf.oneHot(tf.tensor1d(indices, 'int32'), classes), countsColumn());
  const sum = differentiable({
    inputs: { logits },
    forward: (save) => {
      const logProbabilities = tf.logSoftmax(logits);
      save(logProbabilities);
      return tf.neg(tf.sum(tf.mul(logProbabilities, targets())));
    },
    gradients: (dy, [logProbabilities]) => ({
      logits: () => tf.mul(dy, tf.sub(tf.mul(tf.exp(logProbabilities!), countsColumn()), targets())),
    }),
  });
  return { sum, count: counts.reduce((total, one) => total + one, 0) };
}
