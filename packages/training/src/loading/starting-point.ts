/** Where a run starts: a preset's random weights, or the files of a base model. The same on every rank, nothing is sent. */
import { ClipTokenizer, clipTransform, type Dataset, type ImageTransform } from '@triptych/datasets';
import {
  type ClipConfig,
  clipLayout,
  clipPresets,
  initClip,
  loadClipWeights,
  parseConfig,
} from '@triptych/models';
import { readSafetensors } from '@triptych/nn';
import { type Objective, type ResolvedRunSpec, TriptychError } from '@triptych/protocol';
import { type ArtifactStore, readFileList } from '@triptych/storage';
import { objectives } from '../objectives/objective.ts';
import { captionsOf } from './batch-loader.ts';

export interface StartingPoint {
  readonly config: ClipConfig;
  /** The flat parameter buffer of `clipLayout(config)`. */
  readonly weights: Float32Array;
  readonly tokenizer: ClipTokenizer;
  readonly transform: ImageTransform;
}

/**
 * A preset's weights come from the run's seed, and its tokenizer is learnt from the train captions.
 * @throws TriptychError MODEL_INVALID, NOT_FOUND, ARTIFACT_CORRUPT.
 */
export async function startingPoint(options: {
  readonly spec: ResolvedRunSpec;
  readonly dataset: Dataset;
  readonly store: ArtifactStore;
  readonly modelArtifact?: string | undefined;
}): Promise<StartingPoint> {
  const { spec, dataset, store, modelArtifact } = options;
  if (!modelArtifact) return fromPreset(spec, dataset);
  return forObjective(await openModel(store, modelArtifact), spec.objective);
}

function fromPreset({ model, seed, objective }: ResolvedRunSpec, dataset: Dataset): StartingPoint {
  const preset = clipPresets[model];
  if (!preset)
    throw new TriptychError(
      'MODEL_INVALID',
      `"${model}" is no preset and comes without files; presets are ${Object.keys(clipPresets).join(', ')}`,
    );
  const config = configFor(preset.config, objective);
  return {
    config,
    weights: initClip(config, seed),
    tokenizer: ClipTokenizer.train(trainCaptions(dataset), config.text_config.vocab_size),
    transform: clipTransform(config.vision_config.image_size),
  };
}

function* trainCaptions(dataset: Dataset): Generator<string> {
  for (const index of dataset.indices('train')) yield* captionsOf(dataset, index);
}

/** A model's files in Hugging Face layout. */
export async function openModel(store: ArtifactStore, artifact: string): Promise<StartingPoint> {
  const { files } = await readFileList(store, artifact);
  const optional = async (path: string) => {
    const file = files.find((one) => one.path === path);
    return file && (await store.get(file.sha256));
  };
  const required = async (path: string) => {
    const content = await optional(path);
    if (content) return content;
    const present = files.map((file) => file.path).join(', ');
    throw new TriptychError('MODEL_INVALID', `The model has no ${path}; its files are ${present}`);
  };
  const config = parseConfig(json('config.json', await required('config.json')));
  const weights = await required('model.safetensors');
  const tokenizer = ClipTokenizer.fromFiles({
    'vocab.json': text(await required('vocab.json')),
    'merges.txt': text(await required('merges.txt')),
  });
  if (tokenizer.vocabSize > config.text_config.vocab_size)
    throw new TriptychError(
      'MODEL_INVALID',
      `vocab.json has ${tokenizer.vocabSize} tokens, config.json allows ${config.text_config.vocab_size}`,
    );
  return {
    config,
    weights: loadClipWeights(readSafetensors(weights), config),
    tokenizer,
    transform: transformOf(config, await optional('preprocessor_config.json')),
  };
}

function transformOf(config: ClipConfig, preprocessor: Uint8Array | undefined): ImageTransform {
  const published = clipTransform(config.vision_config.image_size);
  if (!preprocessor) return published;
  const { image_mean, image_std } = json('preprocessor_config.json', preprocessor) as {
    image_mean?: unknown;
    image_std?: unknown;
  };
  return {
    ...published,
    mean: isTriple(image_mean) ? image_mean : published.mean,
    std: isTriple(image_std) ? image_std : published.std,
  };
}

const isTriple = (value: unknown): value is [number, number, number] =>
  Array.isArray(value) && value.length === 3 && value.every((one) => Number.isFinite(one));

const text = (content: Uint8Array) => new TextDecoder().decode(content);

function json(path: string, content: Uint8Array): unknown {
  try {
    return JSON.parse(text(content));
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', `${path} is not JSON`, { cause });
  }
}

/** The parameters of the loss belong to the loss: a model trained with another one gets this one's, at their initial values. */
function forObjective(base: StartingPoint, objective: Objective): StartingPoint {
  const { logitBias } = objectives[objective.kind];
  const hasBias = base.config.logit_bias_init_value !== undefined;
  if (hasBias === (logitBias !== undefined)) return base;
  const config = configFor(base.config, objective);
  const places = new Map([...clipLayout(base.config).named()].map((place) => [place.name, place]));
  const layout = clipLayout(config);
  const weights = new Float32Array(layout.length);
  for (const { name, offset } of layout.named()) {
    const place = places.get(name);
    if (name === 'logit_scale') weights[offset] = config.logit_scale_init_value;
    else if (name === 'logit_bias') weights[offset] = config.logit_bias_init_value!;
    else if (place) weights.set(base.weights.subarray(place.offset, place.offset + place.length), offset);
  }
  return { ...base, config, weights };
}

function configFor(config: ClipConfig, objective: Objective): ClipConfig {
  const { logitScale, logitBias } = objectives[objective.kind];
  const { logit_bias_init_value: _, ...rest } = config;
  return {
    ...rest,
    ...(logitScale === undefined ? {} : { logit_scale_init_value: logitScale }),
    ...(logitBias === undefined ? {} : { logit_bias_init_value: logitBias }),
  };
}
