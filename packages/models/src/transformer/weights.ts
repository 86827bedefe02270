import type { tf } from '@triptych/nn';

/** Finds a compute tensor by its key; the caller names the rank that the layout gives it. The owner keeps it. */
export type Weights = <R extends tf.Rank>(key: string) => tf.Tensor<R>;
