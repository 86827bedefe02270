/**
 * A way of scoring a model: what it asks of the model, and the figures that come out. Tensor-free, so that the control plane
 * checks with it what workers will run. A new task is one file, and one line in registry.ts.
 */

import type { Content } from '@triptych/datasets';
import type { Ability, Embed, Prompt, TextLimits } from '@triptych/models/catalog';
import type { SplitSummary } from '@triptych/protocol';
import type { ScoreValue } from '@triptych/scoring';

export interface Task {
  readonly name: string;
  readonly description: string;
  readonly needs: Ability;
  /** What keeps the split from being scored; absent: nothing. */
  check(split: SplitSummary): Obstacle | undefined;
  /** Whether a run is scored by it where its spec does not say; asked only where nothing is in its way. */
  isDefault(split: SplitSummary): boolean;
  /** Every rank runs it and gets the same: what the context gives is gathered from all ranks. */
  run(context: TaskContext): Promise<TaskResult>;
}

export interface Obstacle {
  readonly expected: string;
  readonly actual: string;
  readonly remedy: string;
}

export interface TaskResult {
  readonly scores: readonly ScoreValue[];
  /** Samples that were scored. */
  readonly samples: number;
  readonly predictions?: readonly Prediction[];
}

export interface Prediction {
  readonly id: string;
  readonly prompt: string;
  readonly prediction: string;
  readonly truth: readonly string[];
}

export interface EvaluationSample {
  /** Position in the manifest. */
  readonly index: number;
  readonly id: string;
  readonly content: Content;
  readonly images: number;
  readonly classIndex?: number;
}

export interface TaskContext {
  readonly samples: readonly EvaluationSample[];
  readonly classNames: readonly string[];
  /** Of the train split: what demonstrations are taken from. */
  readonly support: readonly EvaluationSample[];
  readonly shots: number;
  readonly choice: 'random' | 'similar';
  readonly seed: number;
  /** Unit rows [n, width] of the first pictures, by what the model sees in them; what similar demonstrations are chosen by. */
  readonly pictureFeatures?: {
    readonly width: number;
    of(samples: readonly EvaluationSample[]): Promise<Float32Array>;
  };
  /** Whole results on every rank. Absent where the model cannot do it. */
  readonly embed?: GatheredEmbed;
  readonly classify?: GatheredClassify;
  readonly generate?: (prompts: readonly TaskPrompt[], limits: TextLimits) => Promise<readonly string[]>;
  readonly loglikelihood?: (
    prompts: readonly TaskPrompt[],
    continuations: readonly string[],
  ) => Promise<Float64Array>;
}

export interface GatheredEmbed extends Pick<Embed, 'width' | 'prompts'> {
  /** Unit rows [n, width] of the first pictures of these samples; computed once for the same samples. */
  images(samples: readonly EvaluationSample[]): Promise<Float32Array>;
  texts(texts: readonly string[]): Promise<Float32Array>;
}

export interface GatheredClassify {
  readonly classes: number;
  /** Logits [n, classes] of the first pictures of these samples. */
  images(samples: readonly EvaluationSample[]): Promise<Float32Array>;
}

/** A prompt whose pictures are named, not loaded: each rank loads those that it works on. */
export interface TaskPrompt {
  readonly content: Content;
  readonly sample: EvaluationSample;
  readonly shots: readonly EvaluationSample[];
}

export type { Prompt };
