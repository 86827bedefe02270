/** LLaVA: a language model that is shown pictures as words; for conversations, questions and captions. */

import type { Architecture, Recipe } from '../architecture.ts';
import { elementCount } from '../catalog/parameter-tensor.ts';
import { isInGroups } from '../grouped-tensor.ts';
import { checkImageProcessor } from '../image-processor-check.ts';
import { adapterTensors } from '../lora/parameters.ts';
import { clipTower } from '../vit/clip-tower.ts';
import { llavaDialects } from '../weights/dialects/llava.ts';
import { type LlavaConfig, parseLlavaConfig } from './config.ts';
import { LlavaInputs } from './inputs.ts';
import { keptBytes, type LlavaShape, peakBackwardBytes, peakForwardBytes } from './memory.ts';
import { llavaParameters, VISION_PREFIX } from './parameters.ts';
import { llavaPresets } from './presets.ts';

export const llava: Architecture<LlavaConfig> = {
  name: 'llava',
  title: 'LLaVA',
  pipelineTag: 'image-text-to-text',
  presets: llavaPresets,
  recognises: ({ model_type }) => model_type === 'llava',
  parseConfig: parseLlavaConfig,
  parameters: llavaParameters,
  adapters: (config, { groups, rank }) =>
    adapterTensors(
      llavaParameters(config).filter(({ group }) => isInGroups(group, groups)),
      rank,
    ),
  methods: {
    full: {
      description: "Decoder and projector, as in LLaVA's second stage; the image tower stays as it is",
      trains: ['projector', 'decoder'],
    },
    lora: {
      description: 'Projector, and low-rank adapters in every block of the decoder',
      trains: ['projector'],
      adapts: ['decoder'],
    },
    projector: {
      description: "The projector alone, as in LLaVA's first stage",
      trains: ['projector'],
    },
    scratch: {
      description: 'Every parameter',
      trains: ['vision', 'projector', 'decoder'],
      fromScratch: true,
    },
  },
  towers: { vision: clipTower(VISION_PREFIX) },
  objectives: ['next-token'],
  abilities: ['generate', 'loglikelihood'],
  contents: ['conversation', 'question', 'captions'],
  inputs: LlavaInputs,
  folder: {
    required: ['config.json', 'tokenizer.json'],
    optional: [
      'tokenizer_config.json',
      'special_tokens_map.json',
      'added_tokens.json',
      'chat_template.jinja',
      'chat_template.json',
      'preprocessor_config.json',
      'processor_config.json',
    ],
    dialects: llavaDialects,
    check: checkImageProcessor,
  },
  forScalars: (config) => config,
  recipe: (config, { method }) => recipeFor(config, method),
  sizes: ({ vision_config, text_config }) => ({
    imageSize: vision_config.image_size,
    contextLength: text_config.max_position_embeddings,
    vocabulary: text_config.vocab_size,
  }),
  activations: (config, { samples, memory, method, inputs }) => {
    const { maxTokens: tokens = config.text_config.max_position_embeddings } = inputs as LlavaInputs;
    const shape: LlavaShape = {
      samples,
      tokens,
      images: samples,
      targets: samples * tokens,
      memory,
      visionTrained: method === 'scratch',
      ...(method === 'lora' && { adapters: largestAdapters }),
    };
    return {
      kept: keptBytes(config, shape),
      backward: peakBackwardBytes(config, shape),
      forward: peakForwardBytes(config, shape),
    };
  },
  load: async () => (await import('./model.ts')).llavaFactory,
};

/** Of LLaVA's recipe; the rank of a run matters little beside what dropout keeps. */
const largestAdapters = { rank: 128, dropout: true };

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

const small: Recipe = { ...tiny, duration: { epochs: 6 }, globalBatch: 64, shards: 4 };

/** LLaVA-1.5 (`scripts/v1_5`): AdamW without decay, warm-up over 3 % of the steps, one epoch. */
const published: Recipe = {
  ...tiny,
  duration: { epochs: 1 },
  globalBatch: 128,
  shards: 32,
  learningRate: 2e-5,
  beta2: 0.999,
  weightDecay: 0,
  warmupRatio: 0.03,
  checkpointEverySteps: 500,
};

/** At 1e-3 a new image tower learns shapes several times more slowly (docs/experiments.md, easy-VQA). */
const smallRates: Readonly<Record<string, number>> = { full: 3e-4, scratch: 5e-4 };

function recipeFor(config: LlavaConfig, method: string): Recipe {
  const parameters = elementCount(llavaParameters(config));
  if (parameters < 1_000_000) return tiny;
  if (parameters < 20_000_000) return { ...small, learningRate: smallRates[method] ?? small.learningRate };
  if (method === 'projector') return { ...published, globalBatch: 256, learningRate: 1e-3 };
  if (method !== 'lora') return published;
  return { ...published, learningRate: 2e-4, groups: { projector: { learningRate: 2e-5 } } };
}
