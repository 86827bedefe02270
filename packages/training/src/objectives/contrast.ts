/**
 * The exact gradient of a contrastive loss over a global batch, one shard at a time. Every rank holds the features of the
 * whole batch, computes all logits, and takes the gradients of its own rows. All shapes depend on batch and shard sizes
 * only, so a shard's numbers have the same bits on whichever rank they are computed. Memory is O(N^2) in the batch.
 */
import { linear, tf } from '@triptych/nn';
import type { PairLoss, PairLossResult } from './pair-loss.ts';

export interface GlobalFeatures {
  /** [N, width], unit rows, in shard order. */
  readonly images: Float32Array;
  readonly texts: Float32Array;
  readonly width: number;
  /** Before the exponential. */
  readonly logitScale: number;
  readonly logitBias: number;
}

/** One shard's part of the gradient. The sums over all shards are the loss and its gradient. */
export interface ShardContrast {
  readonly loss: number;
  readonly logitScale: number;
  readonly logitBias: number;
  /** [n, width]: with respect to the shard's unit rows; the caller disposes. */
  readonly images: tf.Tensor2D;
  readonly texts: tf.Tensor2D;
}

export class Contrast implements Disposable {
  readonly #logits: Float32Array;
  readonly #result: PairLossResult;
  readonly #pairs: number;
  readonly #bias: number;
  /** Multiplied by the scale already. */
  readonly #scaledImages: tf.Tensor2D;
  readonly #scaledTexts: tf.Tensor2D;

  private constructor(features: GlobalFeatures, logits: Float32Array, result: PairLossResult) {
    const { images, texts, width, logitScale, logitBias } = features;
    const scale = Math.exp(logitScale);
    this.#logits = logits;
    this.#result = result;
    this.#pairs = images.length / width;
    this.#bias = logitBias;
    this.#scaledImages = tf.tensor2d(
      images.map((value) => value * scale),
      [this.#pairs, width],
    );
    this.#scaledTexts = tf.tensor2d(
      texts.map((value) => value * scale),
      [this.#pairs, width],
    );
  }

  static async of(features: GlobalFeatures, pairLoss: PairLoss): Promise<Contrast> {
    const logits = await logitsOf(features);
    return new Contrast(features, logits, pairLoss(logits, features.images.length / features.width));
  }

  /** Rows `start` to `end` (exclusive) of the batch. */
  shard(start: number, end: number): ShardContrast {
    const pairs = this.#pairs;
    const { lossOfRow, gradient } = this.#result;
    let loss = 0;
    let logitScale = 0;
    let logitBias = 0;
    for (let i = start; i < end; i++) {
      loss += lossOfRow[i]!;
      for (let at = i * pairs; at < (i + 1) * pairs; at++) {
        logitBias += gradient[at]!;
        // d logit / d t is the logit itself without its bias.
        logitScale += gradient[at]! * (this.#logits[at]! - this.#bias);
      }
    }
    const rows = gradient.slice(start * pairs, end * pairs);
    const columns = new Float32Array(rows.length);
    for (let j = start; j < end; j++)
      for (let i = 0; i < pairs; i++) columns[(j - start) * pairs + i] = gradient[i * pairs + j]!;
    const times = (block: Float32Array, others: tf.Tensor2D) =>
      tf.tidy(() => tf.matMul<tf.Tensor2D>(tf.tensor2d(block, [end - start, pairs]), others));
    const images = times(rows, this.#scaledTexts);
    return { loss, logitScale, logitBias, images, texts: times(columns, this.#scaledImages) };
  }

  [Symbol.dispose](): void {
    tf.dispose([this.#scaledImages, this.#scaledTexts]);
  }
}

async function logitsOf({
  images,
  texts,
  width,
  logitScale,
  logitBias,
}: GlobalFeatures): Promise<Float32Array> {
  const pairs = images.length / width;
  const cosines = tf.tidy(() =>
    linear(tf.tensor2d(images, [pairs, width]), tf.tensor2d(texts, [pairs, width])),
  );
  const scale = Math.exp(logitScale);
  try {
    return Float32Array.from(await cosines.data<'float32'>(), (cosine) => scale * cosine + logitBias);
  } finally {
    cosines.dispose();
  }
}
