/**
 * A contrastive loss as a function of the logits of all image-text pairs of a global batch. Which rank needs which part
 * of it, and how it reaches the parameters, is not its business.
 */
import type { Objective } from '@triptych/protocol';
import { infoNce } from './infonce.ts';
import { sigLip } from './siglip.ts';

/** `logits` [N, N], row i image i, column j text j; the pairs that belong together are on the diagonal. */
export type PairLoss = (logits: Float32Array, pairs: number) => PairLossResult;

export interface PairLossResult {
  /** The loss of the batch is the sum over rows. */
  readonly lossOfRow: Float64Array;
  /** [N, N]: the derivative of the loss of the batch with respect to each logit. */
  readonly gradient: Float32Array;
}

export interface ObjectiveKind {
  readonly pairLoss: PairLoss;
  /** Initial values of the parameters of the loss. Without a bias the model has no such parameter. */
  readonly logitScale?: number;
  readonly logitBias?: number;
}

export const objectives: Readonly<Record<Objective['kind'], ObjectiveKind>> = {
  infonce: { pairLoss: infoNce },
  // The values of the SigLIP paper (arXiv 2303.15343): most pairs are negatives, and the bias says so from the start.
  siglip: { pairLoss: sigLip, logitScale: Math.log(10), logitBias: -10 },
};
