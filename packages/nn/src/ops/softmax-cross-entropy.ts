import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels } from '../kernels/kernels.ts';
import type { Tensor, Tensor2D } from '../tensorflow.ts';

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
  for (const label of labels)
    assert(
      label === IGNORED_LABEL || (label >= 0 && label < classes),
      `softmaxCrossEntropy: label ${label} of ${classes} classes`,
    );
  const sum = differentiable({
    inputs: { logits },
    forward: (save) => {
      const { output, saved } = kernels().crossEntropy(logits, labels);
      save(logits, ...saved);
      return output;
    },
    gradients: (dy, [savedLogits, ...saved]) => ({
      logits: () => kernels().crossEntropyGradient(dy, { logits: savedLogits as Tensor2D, labels, saved }),
    }),
  });
  return { sum, count: labels.filter((label) => label !== IGNORED_LABEL).length };
}
