/** What the benchmark has to know of an architecture that reads pictures and text, besides its card. */
import type { Architecture } from '../architecture.ts';
import type { GroupedTensor } from '../grouped-tensor.ts';
import type { AdapterOptions, Batch } from '../model.ts';
import type { Weights } from '../transformer/weights.ts';
import type { Attention } from './flops.ts';
import type { PictureTextShape } from './picture-texts.ts';
import type { PeerModel } from './workload.ts';

export interface MeasuredArchitecture<C extends object> {
  readonly card: Architecture<C>;
  readonly peer: PeerModel;
  textShape(config: C): PictureTextShape;
  /** As the processor would make it, but that the pictures come as patches always. */
  batch(numbers: BatchNumbers): Batch;
  /** The most likely tokens after each prompt, whatever they are. */
  generate(config: C, prompts: Prompts): Promise<number[][]>;
  /** Positions of one sample that are multiplied with a matrix; 0 for a table, whose rows are looked up. */
  rowsOf(tensor: GroupedTensor, config: C): number;
  /** Of one sample; `vision`: the passes of the tower's. */
  attentions(config: C, vision: Attention['passes']): readonly Attention[];
}

/** Texts of one length with a picture each. */
export interface BatchNumbers {
  readonly batch: number;
  /** [batch, T] */
  readonly ids: Int32Array;
  /** [batch, N, 3pp] */
  readonly patches: Float32Array;
  /** Of the hidden states [batch * T, D]. */
  readonly rows: Int32Array;
  readonly labels: Int32Array;
}

export interface Prompts extends Pick<BatchNumbers, 'batch' | 'ids' | 'patches'> {
  /** Of an open model; they stay its own. */
  readonly weights: Weights;
  readonly newTokens: number;
}

/** One row of the benchmark. */
export interface MeasuredMethod {
  readonly preset: string;
  readonly method: string;
  readonly adapter?: AdapterOptions;
  /** Text generation is the same for every method. */
  readonly generates: boolean;
}
