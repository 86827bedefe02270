/** What the engine benchmark and its competitors say to each other, one line of JSON each. */
import type { BackendChoice, KernelTime } from '@triptych/nn';

/** `task.json` in the workload's folder; beside it `weights.bin` and `NAME.bin` for each input, little-endian. */
export interface TaskFile {
  readonly workload: string;
  readonly batch: number;
  readonly config: object;
  readonly optimizer: object;
  /** Offsets and lengths in floats. */
  readonly parameters: readonly {
    readonly key: string;
    readonly shape: readonly number[];
    readonly offset: number;
    readonly length: number;
    readonly decay: boolean;
  }[];
  readonly inputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: 'float32' | 'int32';
  }[];
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

export interface ChildOrder {
  readonly steps: number;
}

export interface Measured {
  readonly seconds: readonly number[];
  readonly losses: readonly number[];
  /** Since the process began. */
  readonly peakBytes: number;
  readonly kernels?: readonly KernelTime[];
}
