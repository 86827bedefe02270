/** What the engine benchmark and its competitors say to each other, one line of JSON each. */
import type { BackendChoice, KernelTime } from '@triptych/nn';
import type { Workload } from './workload.ts';

/**
 * `task.json` in the workload's folder; beside it `parameters.bin`, `frozen.bin`, and `NAME.bin` for each input,
 * little-endian. Our own engines draw the same weights themselves.
 */
export interface TaskFile {
  readonly workload: string;
  readonly batch: number;
  readonly peer: Workload['peer'];
  readonly optimizer: object;
  /** What is trained, and what else there is. */
  readonly parameters: readonly TensorPlace[];
  readonly frozen: readonly TensorPlace[];
  readonly inputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: 'float32' | 'int32';
  }[];
}

/** Offset and length in floats. */
export interface TensorPlace {
  readonly key: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
  readonly decay: boolean;
}

export interface ChildOptions {
  readonly choice: BackendChoice;
  readonly folder: string;
  readonly profile: boolean;
}

/** The first line of a competitor. */
export interface Ready {
  readonly engine: string;
}

export type ChildOrder = TrainOrder | GenerateOrder;

export interface TrainOrder {
  readonly kind: 'train';
  readonly steps: number;
}

export interface GenerateOrder {
  readonly kind: 'generate';
  /** The first of the inputs'. */
  readonly prompts: number;
  readonly newTokens: number;
  /** How often. */
  readonly times: number;
}

export interface Trained {
  readonly seconds: readonly number[];
  readonly losses: readonly number[];
  /** Since the process began. */
  readonly peakBytes: number;
  readonly kernels?: readonly KernelTime[];
}

export interface Generated {
  /** Of each time: from pictures and token ids to the last new token. */
  readonly seconds: readonly number[];
  /** Of each prompt, the last time. */
  readonly tokens: readonly (readonly number[])[];
}
