/** CLIP as training, evaluation and prediction drive it. */
import { ClipTokenizer } from '@triptych/datasets';
import { tf } from '@triptych/nn';
import type { ClipConfig } from '../catalog/clip-config.ts';
import { clipParameters } from '../catalog/clip-parameters.ts';
import type { Batch, Embed, Model, ModelFactory, OpenOptions } from '../model.ts';
import { weightsContent } from '../model-files.ts';
import { ModelWeights } from '../model-weights.ts';
import { drawnSource } from '../weights/drawn-source.ts';
import { Clip } from './clip.ts';
import { clipFiles, initialClipFiles } from './files.ts';
import { drawOf } from './initial-weights.ts';
import { type ClipBatch, ClipProcessor } from './processor.ts';

export const clipFactory: ModelFactory<ClipConfig> = {
  initialWeights: (config, seed) =>
    drawnSource(
      clipParameters(config).flatMap(({ parts }) => parts),
      { seed, drawOf: (name) => drawOf(name, config) },
    ),
  initialFiles: (config, texts) =>
    initialClipFiles(config, ClipTokenizer.train(texts, config.text_config.vocab_size)),
  open: async (options) => new ClipModel(options, await openWeights(options)),
};

const openWeights = ({ tensors, trains, weights, trained }: OpenOptions<ClipConfig>) =>
  ModelWeights.open({ tensors, trains, source: weights, trained });

class ClipModel implements Model {
  readonly processor: ClipProcessor;
  readonly abilities: { readonly embed: Embed };
  readonly files: OpenOptions['files'];
  readonly #config: ClipConfig;
  readonly #weights: ModelWeights;
  readonly #clip: Clip;

  constructor({ config, files, memory }: OpenOptions<ClipConfig>, weights: ModelWeights) {
    this.#config = config;
    this.#weights = weights;
    this.files = files;
    this.processor = new ClipProcessor(config, files);
    this.#clip = new Clip(config, weights.lookup, { memory });
    this.abilities = { embed: embedding(this.#clip, this.processor) };
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

  forward(batch: Batch) {
    const { samples, patches, ids } = batch as ClipBatch;
    // A recording keeps references of its own to what its backward pass needs.
    return tf.tidy(() => {
      const images = tf.tidy(() => this.#clip.encodeImages(patchTensor(patches, samples, this.#config)));
      return { kind: 'features' as const, images, texts: this.#clip.encodeText(ids, samples) };
    });
  }

  export() {
    return [weightsContent(this.#weights), ...clipFiles(this.#config, this.processor)];
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

function embedding(clip: Clip, processor: ClipProcessor): Embed {
  const { config } = clip;
  const read = async (rows: tf.Tensor2D) => {
    try {
      return await rows.data<'float32'>();
    } finally {
      rows.dispose();
    }
  };
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
