/**
 * A contrastive loss as a function of the logits of all image-text pairs of a global batch. Which rank needs which part
 * of it, and how it reaches the parameters, is not its business.
 */

/** `logits` [N, N], row i image i, column j text j; the pairs that belong together are on the diagonal. */
export type PairLoss = (logits: Float32Array, pairs: number) => PairLossResult;

export interface PairLossResult {
  /** The loss of the batch is the sum over rows. */
  readonly lossOfRow: Float64Array;
  /** [N, N]: the derivative of the loss of the batch with respect to each logit. */
  readonly gradient: Float32Array;
}
