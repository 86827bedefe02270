/** What the engine benchmark computes: a model, synthetic data and a loss, the same numbers for every competitor. */
import type { ParameterLayout, Parameters, Recording } from '@triptych/nn';

export interface Workload {
  readonly name: string;
  /** For people: the sizes that matter. */
  readonly description: string;
  readonly layout: ParameterLayout;
  /** What the peer in another language needs to build the same model. */
  readonly config: object;
  initialWeights(): Float32Array;
  inputs(batch: number): readonly NamedInput[];
  /** Of the matrix products of one step, forward and backward. */
  flops(batch: number): number;
  /** The forward pass; its one output is the loss. */
  record(parameters: Parameters, inputs: ReadonlyMap<string, NamedInput>, batch: number): Recording;
}

export interface NamedInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** As in CLIP's own training; one constant rate. */
export const OPTIMIZER = { learningRate: 5e-4, beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.2 };

/** Matrix products of a block over `tokens` positions: 2 for each multiply-add, three times for forward and backward. */
export function blockFlops(options: {
  readonly tokens: number;
  /** Weights in the matrices of one block. */
  readonly weights: number;
  readonly width: number;
}): number {
  const { tokens, weights, width } = options;
  return 3 * (2 * tokens * weights + 2 * 2 * tokens * tokens * width);
}
