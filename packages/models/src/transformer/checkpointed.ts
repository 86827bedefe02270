/** A block that keeps its input alone: it is given its weights anew when the backward pass computes it again. */
import { checkpoint, type tf } from '@triptych/nn';
import type { Weights } from './weights.ts';

export interface CheckpointedBlock<X extends tf.Tensor> {
  /** Every weight that the block uses. */
  readonly keys: readonly string[];
  readonly weights: Weights;
  readonly block: (hidden: tf.Tensor3D, weights: Weights) => X;
}

/** `block(hidden, weights)`, differentiable with respect to `hidden` and the weights; the same bits. */
export function checkpointed<X extends tf.Tensor>(
  hidden: tf.Tensor3D,
  { keys, weights, block }: CheckpointedBlock<X>,
): X {
  const inputs: Record<string, tf.Tensor> = { hidden };
  for (const key of keys) inputs[key] = weights(key);
  return checkpoint(inputs, (given) =>
    block(given['hidden'] as tf.Tensor3D, ((key) => given[key]) as Weights),
  ) as X;
}
