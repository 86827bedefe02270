/** How forward functions get their weights: by key, from whatever holds them. */
import type { Parameters, tf } from '@triptych/nn';

/** Finds a compute tensor by its key; the caller names the rank that the layout gives it. The owner keeps it. */
export type Weights = <R extends tf.Rank>(key: string) => tf.Tensor<R>;

/** The tensors of one parameter store, which stays the caller's. */
export const weightsOf = (parameters: Parameters): Weights => ((key) => parameters.tensor(key)) as Weights;

/** The weights of a part of a model, whose forward function knows their names without the prefix. */
export const prefixed = (weights: Weights, prefix: string): Weights =>
  ((key) => weights(`${prefix}${key}`)) as Weights;
