/**
 * The settings a run gets where its spec says nothing. One recipe for each small preset, one for training any other
 * preset from scratch, one for fine-tuning weights that exist. Sources: models.md 2.3 of the design (open_clip, WiSE-FT).
 */
import type { Duration, Objective } from '@triptych/protocol';

export interface Recipe {
  readonly objective: Objective;
  readonly duration: Duration;
  readonly globalBatch: number;
  readonly shards: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  /** Part of all steps spent warming up; at most a tenth, or fine-tunes collapse. */
  readonly warmupRatio: number;
  readonly checkpointEverySteps: number;
}

const tiny: Recipe = {
  objective: { kind: 'infonce' },
  duration: { epochs: 2 },
  globalBatch: 16,
  shards: 4,
  learningRate: 1e-3,
  weightDecay: 0.1,
  clipNorm: 1,
  warmupRatio: 0.1,
  checkpointEverySteps: 50,
};

const small: Recipe = {
  ...tiny,
  duration: { epochs: 8 },
  globalBatch: 128,
  shards: 8,
};

const scratch: Recipe = {
  ...tiny,
  duration: { epochs: 32 },
  globalBatch: 1024,
  shards: 64,
  learningRate: 5e-4,
  weightDecay: 0.2,
  clipNorm: 0,
  checkpointEverySteps: 500,
};

const fineTune: Recipe = {
  ...tiny,
  duration: { epochs: 3 },
  globalBatch: 128,
  shards: 16,
  learningRate: 1e-5,
  checkpointEverySteps: 100,
};

const bySmallPreset: Readonly<Record<string, Recipe>> = { 'clip-tiny': tiny, 'clip-small': small };

/** `pretrained`: the run starts from weights that exist, not from a preset's random initialisation. */
export function recipeFor(model: string, pretrained: boolean): Recipe {
  return pretrained ? fineTune : (bySmallPreset[model] ?? scratch);
}

export const optimizerDefaults = { kind: 'adamw', beta1: 0.9, beta2: 0.98, epsilon: 1e-6 } as const;
