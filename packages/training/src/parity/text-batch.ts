/** Padded token sequences of a golden case: which positions are real, and the loss that language models are trained with. */
import { IGNORED_LABEL, integersOf, type SafetensorsTensor, softmaxCrossEntropy, tf } from '@triptych/nn';

export class TextBatch {
  readonly ids: Int32Array;
  readonly batch: number;
  readonly length: number;
  /** The first real position of each sequence, where one is padded on the left. */
  readonly starts?: Int32Array;
  /** One past the last real position of each sequence, where one is padded on the right. */
  readonly ends?: Int32Array;
  readonly #mask: Int32Array;
  readonly #labels: Int32Array;

  constructor(
    inputs: ReadonlyMap<string, SafetensorsTensor>,
    { ids = 'input_ids', mask = 'attention_mask' }: { readonly ids?: string; readonly mask?: string } = {},
  ) {
    const tokens = inputs.get(ids)!;
    const [batch, length] = tokens.shape as [number, number];
    this.ids = integersOf(tokens);
    this.batch = batch;
    this.length = length;
    const [real, labels] = [inputs.get(mask), inputs.get('labels')];
    this.#mask = real ? integersOf(real) : new Int32Array(this.ids.length).fill(1);
    this.#labels = labels ? integersOf(labels) : this.ids;
    const rows = Array.from({ length: batch }, (_, b) => this.#mask.subarray(b * length, (b + 1) * length));
    const starts = Int32Array.from(rows, (row) => Math.max(0, row.indexOf(1)));
    const ends = Int32Array.from(rows, (row) => row.lastIndexOf(1) + 1);
    if (starts.some((start) => start > 0)) this.starts = starts;
    if (ends.some((end) => end < length)) this.ends = ends;
  }

  /** What `selfAttention` takes. */
  get sequences() {
    const { batch, length, starts, ends } = this;
    return { batch, length, ...(starts && { starts }), ...(ends && { ends }) };
  }

  /** Of [batch, length, ...], the rows at real positions: what a reference computes at the others means nothing. */
  realRows(values: Float32Array): Float32Array {
    const width = values.length / this.ids.length;
    return values.filter((_, i) => this.#mask[Math.floor(i / width)] === 1);
  }

  /** The logits at t predict the label at t + 1; the mean over all labels that count. Run it inside a tidy or recording. */
  meanLoss(logits: tf.Tensor): tf.Tensor {
    const { length } = this;
    const shifted = this.#labels.map((_, i) =>
      i % length === length - 1 ? IGNORED_LABEL : this.#labels[i + 1]!,
    );
    const rows = tf.reshape<tf.Rank.R2>(logits, [this.ids.length, -1]);
    const { sum, count } = softmaxCrossEntropy(rows, shifted);
    return tf.div(sum, count);
  }
}
