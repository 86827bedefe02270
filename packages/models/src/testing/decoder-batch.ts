/** The right-padded batch of a language model's golden case, and what is compared of it. */
import { softmaxCrossEntropy, tf } from '@triptych/nn';
import type { GoldenCase } from './golden.ts';

export class DecoderBatch {
  readonly batch: number;
  readonly length: number;
  readonly ids: Int32Array;
  /** -100 does not count; not shifted. */
  readonly labels: Int32Array;
  /** One past the last real position of each sequence. */
  readonly ends: Int32Array;

  constructor({ input }: Pick<GoldenCase, 'input'>) {
    [this.batch, this.length] = input('input_ids').shape as [number, number];
    const integers = (name: string) => Int32Array.from(input(name).float32());
    this.ids = integers('input_ids');
    this.labels = integers('labels');
    const real = integers('attention_mask');
    this.ends = Int32Array.from({ length: this.batch }, (_, b) =>
      real.subarray(b * this.length, (b + 1) * this.length).reduce((sum, one) => sum + one, 0),
    );
  }

  /** Of [batch, length, width], the rows of real tokens: what Hugging Face computes at the others means nothing. */
  realRows(values: Float32Array, width: number): Float32Array {
    const start = (b: number) => b * this.length * width;
    const rows = [...this.ends].flatMap((end, b) => [...values.subarray(start(b), start(b) + end * width)]);
    return Float32Array.from(rows);
  }

  /** The logits at t predict the label at t + 1; the sum over all labels that count, divided by how many there are. */
  meanLoss(logits: tf.Tensor3D): tf.Tensor {
    const { batch, length, labels } = this;
    const shifted = labels.map((_, i) => (i % length === length - 1 ? -100 : labels[i + 1]!));
    const rows = tf.reshape<tf.Rank.R2>(logits, [batch * length, logits.shape[2]]);
    const { sum, count } = softmaxCrossEntropy(rows, shifted);
    return tf.div(sum, count);
  }
}
