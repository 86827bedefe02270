/**
 * A loss over a global batch whose shards lie on several ranks. Its gradient is that of the whole batch's loss: every shard
 * contributes its part once, and the parts are added. A new objective is one folder with a card and an `objective.ts`, and
 * one line in registry.ts.
 */
import type { Batch, Outputs } from '@triptych/models';
import type { tf } from '@triptych/nn';
import type { TObject } from 'typebox';

/** The tensor-free half: what a run's spec is checked against. */
export interface ObjectiveCard {
  readonly kind: string;
  readonly description: string;
  /** What may stand beside `kind` in a run's spec. */
  readonly options: TObject;
  /** What it is taken of. */
  readonly outputs: Outputs['kind'];
  /** Parameters that belong to the loss, not to a tower. */
  readonly scalars: Readonly<Record<string, Scalar>>;
  load(): Promise<Objective>;
}

export interface Scalar {
  /** Absent: what the configuration says. */
  readonly initial?: number;
  /** It is kept within these after every step. */
  readonly min?: number;
  readonly max?: number;
}

export interface Objective {
  /** True: no gradient before the outputs of all shards are there. False: what is summarised is known before the forward pass. */
  readonly needsOutputs: boolean;
  /** What all ranks must know of a shard: as many bytes for each. `outputs` are there where they are needed. */
  summary(shard: { readonly batch: Batch; readonly outputs?: Outputs }, at: LossContext): Promise<Uint8Array>;
  /**
   * The loss of the whole batch, from the summaries of all shards in order. Every rank computes the same.
   * @throws TriptychError LOSS_NOT_FINITE.
   */
  whole(summaries: readonly Uint8Array[], at: LossContext): Promise<WholeLoss>;
}

export interface LossContext {
  readonly options: Readonly<Record<string, unknown>>;
  readonly samplesPerShard: number;
  /** Values of the objective's scalars, where the model has them. */
  readonly scalars: Readonly<Record<string, number>>;
  /** One for each dataset of the run: the factor of its mean loss in the sum. */
  readonly lossWeights: readonly number[];
  readonly step: number;
  /** The names of a shard's samples, for messages. */
  readonly samplesOf: (shard: number) => readonly string[];
}

export interface WholeLoss extends Disposable {
  /** The part of shard number `shard`. The caller disposes the gradients. */
  pull(shard: number, at: { readonly outputs: Outputs; readonly batch: Batch }): Promise<ShardPull>;
}

export interface ShardPull {
  /** Of each tensor of the outputs, in their order. */
  readonly gradients: readonly tf.Tensor[];
  /** This shard's part of the mean loss of each dataset, without its weight. */
  readonly losses: ArrayLike<number>;
  readonly scalars: Readonly<Record<string, number>>;
}

/** The tensors of a model's outputs, in the order in which gradients are given. */
export const tensorsOf = (outputs: Outputs): tf.Tensor[] =>
  outputs.kind === 'features' ? [outputs.images, outputs.texts] : [outputs.logits];
