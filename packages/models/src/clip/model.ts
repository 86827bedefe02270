/** CLIP as training, evaluation and prediction drive it. */
import { ClipTokenizer } from '@triptych/datasets';
import { tf } from '@triptych/nn';
import { type ClipConfig, classNamesOf } from '../catalog/clip-config.ts';
import { clipParameters } from '../catalog/clip-parameters.ts';
import { isInGroup } from '../grouped-tensor.ts';
import type {
  Batch,
  Classify,
  Embed,
  Model,
  ModelFactory,
  OpenOptions,
  Outputs,
  Processor,
} from '../model.ts';
import { weightsContent } from '../model-files.ts';
import { ModelWeights } from '../model-weights.ts';
import { FeatureCache } from '../vit/feature-cache.ts';
import { drawnSource } from '../weights/drawn-source.ts';
import { Clip } from './clip.ts';
import { clipFiles, initialClipFiles } from './files.ts';
import { classify, HEAD_WEIGHT, promptHead } from './head.ts';
import { drawOf } from './initial-weights.ts';
import { type LabelledBatch, LabelledPictures } from './labelled-pictures.ts';
import { type ClipBatch, ClipProcessor } from './processor.ts';

export const clipFactory: ModelFactory<ClipConfig> = {
  initialWeights: (config, seed) =>
    drawnSource(
      clipParameters(config).flatMap(({ parts }) => parts),
      { seed, drawOf: (name) => drawOf(name, config) },
    ),
  initialFiles: (config, texts) =>
    initialClipFiles(config, ClipTokenizer.train(texts, config.text_config.vocab_size)),
  open: openClip,
};

async function openClip(options: OpenOptions<ClipConfig>): Promise<Model> {
  const model = new ClipModel(options, await openWeights(options));
  try {
    if (options.head === 'prompts') await model.beginHead();
    return model;
  } catch (error) {
    model[Symbol.dispose]();
    throw error;
  }
}

const openWeights = ({ tensors, trains, weights, trained }: OpenOptions<ClipConfig>) =>
  ModelWeights.open({ tensors, trains, source: weights, trained });

class ClipModel implements Model {
  readonly processor: Processor;
  readonly abilities: { readonly embed: Embed; readonly classify?: Classify };
  readonly files: OpenOptions['files'];
  readonly #config: ClipConfig;
  readonly #weights: ModelWeights;
  readonly #clip: Clip;
  readonly #texts: ClipProcessor;

  constructor({ config, files, memory }: OpenOptions<ClipConfig>, weights: ModelWeights) {
    this.#config = config;
    this.#weights = weights;
    this.files = files;
    this.#texts = new ClipProcessor(config, files);
    this.#clip = new Clip(config, weights.lookup, { memory });
    const embed = embedding(this.#clip, this.#texts);
    const classNames = classNamesOf(config);
    this.processor = classNames ? this.#labelled(classNames, embed) : this.#texts;
    this.abilities = classNames
      ? { embed, classify: classification(classNames, { embed, weights }) }
      : { embed };
  }

  /** The head as zero-shot classification, before the first step. */
  async beginHead(): Promise<void> {
    const { flat, layout } = this.trainable;
    const rows = await promptHead(classNamesOf(this.#config) ?? [], this.abilities.embed);
    flat.set(rows, layout.spec(HEAD_WEIGHT).offset);
    this.trainable.upload();
  }

  get trainable() {
    return this.#weights.trainable;
  }

  get trainableTensors() {
    return this.#weights.trainableTensors;
  }

  get frozenHash() {
    return this.#weights.frozenHash;
  }

  forward(batch: Batch): Outputs {
    if (batch.targets) return this.#classified(batch as LabelledBatch);
    const { samples, patches, ids } = batch as ClipBatch;
    // A recording keeps references of its own to what its backward pass needs.
    return tf.tidy(() => {
      const images = tf.tidy(() => this.#clip.encodeImages(patchTensor(patches, samples, this.#config)));
      return { kind: 'features' as const, images, texts: this.#clip.encodeText(ids, samples) };
    });
  }

  export() {
    return [...weightsContent(this.#weights), ...clipFiles(this.#config, this.#texts)];
  }

  #classified({ samples, patches, features }: LabelledBatch): Outputs {
    return tf.tidy(() => {
      const images = features
        ? tf.tensor2d(features, [samples, this.#config.projection_dim])
        : tf.tidy(() => this.#clip.encodeImages(patchTensor(patches!, samples, this.#config)));
      return { kind: 'logits' as const, logits: classify(images, this.#weights.lookup) };
    });
  }

  #labelled(classNames: readonly string[], embed: Embed): Processor {
    const isFrozen = !this.trainableTensors.some(({ group }) => isInGroup(group, 'vision'));
    const frozen = isFrozen
      ? new FeatureCache({ length: embed.width, compute: (pixels) => embed.images([pixels]) })
      : undefined;
    return new LabelledPictures({ processor: this.#texts, classNames, frozen });
  }

  [Symbol.dispose](): void {
    this.#weights[Symbol.dispose]();
  }
}

function patchTensor(
  patches: Float32Array,
  samples: number,
  { vision_config: { image_size, patch_size } }: ClipConfig,
): tf.Tensor3D {
  return tf.tensor3d(patches, [samples, (image_size / patch_size) ** 2, 3 * patch_size ** 2]);
}

async function read(rows: tf.Tensor2D): Promise<Float32Array> {
  try {
    return await rows.data<'float32'>();
  } finally {
    rows.dispose();
  }
}

function classification(
  classNames: readonly string[],
  { embed, weights }: { readonly embed: Embed; readonly weights: ModelWeights },
): Classify {
  return {
    classNames,
    images: async (pixels) => {
      const features = await embed.images(pixels);
      return await read(
        tf.tidy(() => classify(tf.tensor2d(features, [pixels.length, embed.width]), weights.lookup)),
      );
    },
  };
}

function embedding(clip: Clip, processor: ClipProcessor): Embed {
  const { config } = clip;
  return {
    width: config.projection_dim,
    // The published ensemble means nothing to a vocabulary that was learnt from a few plain captions.
    prompts: config.text_config.vocab_size >= 49_408 ? 'openai80' : 'plain',
    images: (pixels) => {
      const patches = processor.patches(pixels);
      return read(tf.tidy(() => clip.encodeImages(patchTensor(patches, pixels.length, config))));
    },
    texts: (texts) => read(clip.encodeText(processor.ids(texts), texts.length)),
  };
}
