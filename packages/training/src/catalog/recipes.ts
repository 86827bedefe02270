/**
 * The settings a run gets where its spec says nothing: one recipe for fine-tuning weights that exist, three for training
 * from random ones, by the size of the model. The large ones are those of open_clip and WiSE-FT.
 */
import { type ClipConfig, parameterCount } from '@triptych/models/catalog';
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
  duration: { epochs: 9 },
  globalBatch: 64,
  shards: 8,
  learningRate: 5e-4,
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

/** `pretrained`: the run starts from weights that exist, not from a random initialisation. */
export function recipeFor(config: ClipConfig, pretrained: boolean): Recipe {
  if (pretrained) return fineTune;
  const parameters = parameterCount(config);
  if (parameters < 500_000) return tiny;
  return parameters < 20_000_000 ? small : scratch;
}

export const optimizerDefaults = { kind: 'adamw', beta1: 0.9, beta2: 0.98, epsilon: 1e-6 } as const;
