/**
 * Whether the forward passes of a step are kept until their backward passes, or run twice. The numbers are the same.
 *
 * Three ways lead from one shard's features to its gradients, and they combine. Everything kept: one forward pass,
 * activations of all of a rank's shards. Recomputed (GradCache, https://arxiv.org/abs/2101.06983): the first pass keeps
 * nothing, the second one shard's activations: one forward pass more. `memory: "checkpoint"`: a pass keeps the inputs of its
 * blocks and computes each block again: one forward pass more as well, but several times fewer bytes per shard, so that
 * all shards often fit the budget again. Only where they do not, both happen, at two forward passes more.
 */
import type { ActivationDemand, Architecture } from '@triptych/models/catalog';

export const DEFAULT_ACTIVATION_BUDGET_BYTES = 1.5 * 2 ** 30;

/** A model whose memory is asked about: a card and one of its configurations. */
export interface ModelToFit {
  readonly architecture: Architecture;
  readonly config: object;
}

/** `samples` are those of all shards of a rank. */
export function recomputes(
  { architecture, config }: ModelToFit,
  demand: ActivationDemand,
  budgetBytes = DEFAULT_ACTIVATION_BUDGET_BYTES,
): boolean {
  return architecture.activations(config, demand).kept > budgetBytes;
}
