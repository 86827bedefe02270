/**
 * Cross entropy of logits with one label a row: `lse(z) - (1 - e) z_label - e mean(z)` with label smoothing e, as PyTorch's
 * `F.cross_entropy(label_smoothing=e)`. On the host, in double precision: the logits of a head are few.
 */
export interface LabelLoss {
  /** Over all rows. */
  readonly sum: number;
  /** Of `factor * sum`, [rows, classes]. */
  readonly gradient: Float32Array;
}

export function labelLoss(
  logits: Float32Array,
  labels: Int32Array,
  { smoothing, factor }: { readonly smoothing: number; readonly factor: number },
): LabelLoss {
  const classes = logits.length / labels.length;
  const gradient = new Float32Array(logits.length);
  const even = smoothing / classes;
  let sum = 0;
  for (const [row, label] of labels.entries()) {
    const at = row * classes;
    let largest = -Infinity;
    for (let j = 0; j < classes; j++) largest = Math.max(largest, logits[at + j]!);
    let total = 0;
    for (let j = 0; j < classes; j++) total += Math.exp(logits[at + j]! - largest);
    const logTotal = largest + Math.log(total);
    for (let j = 0; j < classes; j++) {
      const target = even + (j === label ? 1 - smoothing : 0);
      sum += target * (logTotal - logits[at + j]!);
      gradient[at + j] = factor * (Math.exp(logits[at + j]! - logTotal) - target);
    }
  }
  return { sum, gradient };
}
