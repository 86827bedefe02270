/** Flamingo: a language model that sees; for captions, questions about pictures, and documents with pictures among the text. */

import type { Architecture, Recipe } from '../architecture.ts';
import { elementCount } from '../catalog/parameter-tensor.ts';
import { checkImageProcessor } from '../image-processor-check.ts';
import { clipTower } from '../vit/clip-tower.ts';
import { flamingoDialects } from '../weights/dialects/flamingo.ts';
import { type FlamingoConfig, parseFlamingoConfig } from './config.ts';
import { FlamingoInputs } from './inputs.ts';
import { type FlamingoShape, keptBytes, peakBackwardBytes, peakForwardBytes } from './memory.ts';
import { flamingoParameters, VISION_PREFIX } from './parameters.ts';
import { flamingoPresets } from './presets.ts';
import { splitStoredTable } from './token-rows.ts';

export const flamingo: Architecture<FlamingoConfig> = {
  name: 'flamingo',
  title: 'Flamingo',
  pipelineTag: 'image-text-to-text',
  presets: flamingoPresets,
  recognises: ({ model_type }) => model_type === 'flamingo',
  parseConfig: parseFlamingoConfig,
  parameters: flamingoParameters,
  methods: {
    'cross-attention': {
      description:
        'What sees: resampler, gated cross-attention and the new tokens; both towers stay as they are',
      trains: ['perceiver', 'gate', 'tokens'],
    },
    full: {
      description: 'Every parameter',
      trains: ['vision', 'perceiver', 'gate', 'tokens', 'decoder'],
      fromScratch: true,
    },
  },
  towers: { vision: clipTower(VISION_PREFIX) },
  objectives: ['next-token'],
  abilities: ['generate', 'loglikelihood'],
  contents: ['captions', 'question', 'interleaved'],
  inputs: FlamingoInputs,
  folder: {
    required: ['config.json', 'tokenizer.json'],
    optional: [
      'tokenizer_config.json',
      'special_tokens_map.json',
      'added_tokens.json',
      'preprocessor_config.json',
      'processor_config.json',
      'open_clip_config.json',
    ],
    dialects: flamingoDialects,
    inMemory: splitStoredTable,
    check: checkImageProcessor,
  },
  forScalars: (config) => config,
  recipe: recipeFor,
  sizes: ({ vision_config, text_config }) => ({
    imageSize: vision_config.image_size,
    contextLength: text_config.max_position_embeddings,
    vocabulary: text_config.vocab_size,
  }),
  activations: (config, { samples, memory, method, inputs }) => {
    const { maxTokens: tokens, maxImages: images } = inputs as FlamingoInputs;
    const shape: FlamingoShape = {
      samples,
      tokens,
      images,
      targets: samples * tokens,
      memory,
      visionTrained: method === 'full',
    };
    return {
      kept: keptBytes(config, shape),
      backward: peakBackwardBytes(config, shape),
      forward: peakForwardBytes(config, shape),
    };
  },
  load: async () => (await import('./model.ts')).flamingoFactory,
};

const tiny: Recipe = {
  objective: { kind: 'next-token' },
  duration: { epochs: 2 },
  globalBatch: 16,
  shards: 4,
  learningRate: 1e-3,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1,
  schedule: 'cosine',
  warmupRatio: 0.05,
  checkpointEverySteps: 50,
};

/** At twice this rate the image tower learns shapes several times more slowly (docs/experiments.md, easy-VQA). */
const small: Recipe = {
  ...tiny,
  duration: { epochs: 6 },
  globalBatch: 64,
  shards: 4,
  learningRate: 5e-4,
};

/** OpenFlamingo's (`scripts/run_train.sh`), with a warm-up that ends whatever the number of steps. */
const published: Recipe = {
  ...tiny,
  duration: { epochs: 1 },
  globalBatch: 64,
  shards: 16,
  learningRate: 1e-4,
  beta2: 0.999,
  schedule: 'constant',
  checkpointEverySteps: 500,
  // It decays the gated blocks alone.
  groups: { perceiver: { weightDecay: 0 }, tokens: { weightDecay: 0 } },
};

function recipeFor(config: FlamingoConfig): Recipe {
  const parameters = elementCount(flamingoParameters(config));
  if (parameters < 1_000_000) return tiny;
  if (parameters < 20_000_000) return small;
  return published;
}
