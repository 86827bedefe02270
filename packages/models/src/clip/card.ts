/** CLIP: an image tower and a text tower that share one space; for zero-shot classification and retrieval. */
import { Type } from 'typebox';
import type {
  ActivationBytes,
  ActivationDemand,
  Architecture,
  GroupedTensor,
  Recipe,
  RecipeContext,
} from '../architecture.ts';
import { type ClipConfig, parseConfig } from '../catalog/clip-config.ts';
import { CLASSIFIER, clipParameters, parameterCount } from '../catalog/clip-parameters.ts';
import {
  activationBytes,
  backwardBytes,
  EVALUATION_BLOCK,
  forwardBytes,
  visionBytes,
} from '../catalog/memory.ts';
import type { ParameterTensor } from '../catalog/parameter-tensor.ts';
import { clipPresets } from '../catalog/presets.ts';
import { checkImageProcessor } from '../image-processor-check.ts';
import { clipDialects } from '../weights/dialects/clip.ts';
import { clipTokenizer } from './tokenizer.ts';

const contrastive = ['infonce', 'siglip'];

export const clip: Architecture<ClipConfig> = {
  name: 'clip',
  title: 'CLIP',
  pipelineTag: 'zero-shot-image-classification',
  presets: clipPresets,
  recognises: ({ model_type, text_config, vision_config }) =>
    model_type === 'clip' || (model_type === undefined && !!text_config && !!vision_config),
  parseConfig,
  parameters: (config) => clipParameters(config).map((tensor) => grouped(tensor, config)),
  methods: {
    full: {
      description: 'Every parameter',
      trains: ['scale', 'text', 'vision'],
      objectives: contrastive,
    },
    'locked-image': {
      description: 'The text tower alone (LiT); groups of the image tower can be unlocked from the top',
      trains: ['scale', 'text'],
      objectives: contrastive,
    },
    probe: {
      description:
        'A linear head over the classes of the dataset; both towers stay as they are (linear probe)',
      trains: [CLASSIFIER],
      head: 'zeros',
      objectives: ['cross-entropy'],
      abilities: ['classify', 'embed'],
      tasks: ['classification'],
    },
    classifier: {
      description:
        'The image tower and a head that begins as zero-shot classification (WiSE-FT, with evaluation.sweep)',
      trains: [CLASSIFIER, 'vision'],
      head: 'prompts',
      objectives: ['cross-entropy'],
      abilities: ['classify', 'embed'],
      tasks: ['classification', 'zero-shot'],
    },
  },
  objectives: [...contrastive, 'cross-entropy'],
  abilities: ['embed'],
  contents: ['captions'],
  inputs: Type.Object({}, { additionalProperties: false }),
  folder: {
    required: ['config.json', ['vocab.json', 'tokenizer.json'], ['merges.txt', 'tokenizer.json']],
    optional: [
      'tokenizer_config.json',
      'special_tokens_map.json',
      'tokenizer.json',
      'preprocessor_config.json',
      'processor_config.json',
      'open_clip_config.json',
    ],
    dialects: clipDialects,
    check: (config, files) => {
      clipTokenizer(config, files);
      checkImageProcessor(config, files);
    },
  },
  forScalars: (config, { logit_scale, logit_bias }) => {
    const { logit_bias_init_value: _, ...rest } = config;
    return {
      ...rest,
      ...(logit_scale !== undefined && { logit_scale_init_value: logit_scale }),
      ...(logit_bias !== undefined && { logit_bias_init_value: logit_bias }),
    };
  },
  forClasses: ({ id2label: _, ...config }, classNames) =>
    classNames ? { ...config, id2label: Object.fromEntries(classNames.entries()) } : config,
  recipe: recipeFor,
  sizes: ({ vision_config, text_config }) => ({
    imageSize: vision_config.image_size,
    contextLength: text_config.max_position_embeddings,
    vocabulary: text_config.vocab_size,
  }),
  activations,
  load: async () => (await import('./model.ts')).clipFactory,
};

/** `vision/3` is block 3, `vision/head` what comes after the last, `vision/stem` what comes before the first. */
function grouped(tensor: ParameterTensor, config: ClipConfig): GroupedTensor {
  const { key } = tensor;
  if (key.startsWith(`${CLASSIFIER}.`)) return { ...tensor, group: CLASSIFIER };
  if (key === 'logit_scale' || key === 'logit_bias') return { ...tensor, group: 'scale' };
  const tower = key.startsWith('text') ? 'text' : 'vision';
  const { num_hidden_layers: layers } = tower === 'text' ? config.text_config : config.vision_config;
  const block = /encoder\.layers\.(\d+)\./.exec(key)?.[1];
  if (block !== undefined) return { ...tensor, group: `${tower}/${block}`, depth: Number(block) + 1 };
  const atTop = /post_layernorm|final_layer_norm|_projection/.test(key);
  return atTop
    ? { ...tensor, group: `${tower}/head`, depth: layers + 1 }
    : { ...tensor, group: `${tower}/stem`, depth: 0 };
}

function activations(config: ClipConfig, { samples, memory, method }: ActivationDemand): ActivationBytes {
  const forward = forwardBytes(config, EVALUATION_BLOCK);
  const { projection_dim: width, id2label } = config;
  // Features, scaled ones, logits; their gradients.
  const head = 4 * samples * (2 * width + Object.keys(id2label ?? {}).length);
  if (method === 'probe')
    return {
      kept: head,
      backward: Math.max(2 * head, forwardBytes(config, { images: 1, texts: 0 })),
      forward,
    };
  if (method === 'classifier') {
    const vision = visionBytes(config, { samples, memory });
    return { kept: vision.kept + head, backward: vision.backward + 2 * head, forward };
  }
  return {
    kept: activationBytes(config, { samples, memory }),
    backward: backwardBytes(config, { samples, memory }),
    forward,
  };
}

const tiny: Recipe = {
  objective: { kind: 'infonce' },
  duration: { epochs: 2 },
  globalBatch: 16,
  shards: 4,
  learningRate: 1e-3,
  beta2: 0.98,
  epsilon: 1e-6,
  weightDecay: 0.1,
  clipNorm: 1,
  schedule: 'cosine',
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

/** CLIP_benchmark's probe, its rate divided by the scale that our features have (exp(logit_scale), 100 in published models). */
const probe: Recipe = {
  ...tiny,
  objective: { kind: 'cross-entropy' },
  duration: { epochs: 10 },
  globalBatch: 128,
  shards: 16,
  learningRate: 1e-3,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  checkpointEverySteps: 500,
};

/** https://github.com/mlfoundations/wise-ft: 500 of 25,000 steps to warm up. */
const wiseFt: Recipe = {
  ...probe,
  globalBatch: 512,
  shards: 32,
  learningRate: 3e-5,
  weightDecay: 0.1,
  warmupRatio: 0.02,
  checkpointEverySteps: 100,
};

/** Of each method for weights that exist; for random ones three, by size. The large ones are those of open_clip and WiSE-FT. */
function recipeFor(config: ClipConfig, { method, pretrained }: RecipeContext): Recipe {
  if (method === 'probe') return probe;
  if (method === 'classifier')
    return pretrained ? wiseFt : { ...scratchFor(config), objective: wiseFt.objective };
  return pretrained ? fineTune : scratchFor(config);
}

function scratchFor(config: ClipConfig): Recipe {
  const parameters = parameterCount(config);
  if (parameters < 500_000) return tiny;
  return parameters < 20_000_000 ? small : scratch;
}
