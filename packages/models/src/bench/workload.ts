/** What the engine benchmark computes: a model, synthetic data and a loss, the same numbers for every competitor. */
import type { ParameterLayout, Parameters, Recording } from '@triptych/nn';

export interface Workload {
  readonly name: string;
  /** For people: the sizes that matter. */
  readonly description: string;
  /** Which of its models the peer in another language builds, and from what. */
  readonly peer: { readonly model: PeerModel; readonly config: object };
  inputs(batch: number): readonly NamedInput[];
  /** Of the matrix products of one step, forward and backward. */
  flops(batch: number): number;
  /** On the backend that was selected, with the same weights in every process. The caller disposes it. */
  open(): Promise<OpenWorkload>;
  /** Absent: it is trained only. */
  readonly textGeneration?: TextGeneration;
}

export type PeerModel = 'clip' | 'decoder' | 'llava' | 'flamingo';

export interface OpenWorkload extends Disposable {
  /** What is trained. */
  readonly parameters: Parameters;
  /** What the forward pass needs besides. */
  frozen(): Promise<FlatTensors>;
  /** The forward pass; its one output is the loss. */
  record(inputs: Inputs, batch: number): Recording;
}

/** Greedy, from prompts that are among the inputs as `prompt_ids` and `prompt_patches`. No token ends a text. */
export interface TextGeneration {
  /** How many there are among the inputs. */
  readonly prompts: number;
  /** The untrained weights, as for predictions: nothing is trained. The caller disposes it. */
  open(): Promise<OpenTextGeneration>;
}

export interface OpenTextGeneration extends Disposable {
  /** The tokens after each of the first `prompts` prompts. */
  generate(inputs: Inputs, of: { readonly prompts: number; readonly newTokens: number }): Promise<number[][]>;
}

export interface FlatTensors {
  readonly layout: ParameterLayout;
  readonly flat: Float32Array;
}

export interface NamedInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

export type Inputs = ReadonlyMap<string, NamedInput>;

/** As in CLIP's own training; one constant rate. */
export const OPTIMIZER = { learningRate: 5e-4, beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.2 };
