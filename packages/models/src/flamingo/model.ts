/** Flamingo as training, evaluation and prediction drive it. */
import { tf } from '@triptych/nn';
import { isInGroups } from '../grouped-tensor.ts';
import { rowsAt } from '../llama/next-token.ts';
import type { Batch, Model, ModelFactory, OpenOptions } from '../model.ts';
import { weightsContent } from '../model-files.ts';
import { ModelWeights } from '../model-weights.ts';
import { featureTensor } from '../vit/seen-pictures.ts';
import { drawnSource } from '../weights/drawn-source.ts';
import { flamingoAbilities } from './abilities.ts';
import type { FlamingoConfig } from './config.ts';
import { flamingoFiles, initialFlamingoFiles } from './files.ts';
import { Flamingo } from './flamingo.ts';
import { flamingoDraws } from './initial-weights.ts';
import type { FlamingoInputs } from './inputs.ts';
import { flamingoParameters } from './parameters.ts';
import { type FlamingoBatch, FlamingoProcessor } from './processor.ts';
import { joinTokenTable } from './weight-file.ts';

export const flamingoFactory: ModelFactory<FlamingoConfig> = {
  initialWeights: (config, seed) =>
    drawnSource(
      flamingoParameters(config).flatMap(({ parts }) => parts),
      { seed, drawOf: flamingoDraws(config) },
    ),
  initialFiles: initialFlamingoFiles,
  open: async (options) => new FlamingoModel(options, await openWeights(options)),
};

const openWeights = ({ tensors, trains, weights, trained }: OpenOptions<FlamingoConfig>) =>
  ModelWeights.open({ tensors, trains, source: weights, trained });

class FlamingoModel implements Model {
  readonly processor: FlamingoProcessor;
  readonly abilities: ReturnType<typeof flamingoAbilities>;
  readonly files: OpenOptions['files'];
  readonly #config: FlamingoConfig;
  readonly #weights: ModelWeights;
  readonly #flamingo: Flamingo;

  constructor(options: OpenOptions<FlamingoConfig>, weights: ModelWeights) {
    const { config, files, memory, inputs } = options;
    this.#config = config;
    this.#weights = weights;
    this.files = files;
    const frozenVision = !weights.trainableTensors.some(({ group }) => isInGroups(group, ['vision']));
    this.#flamingo = new Flamingo(config, weights.lookup, { memory, frozenVision });
    this.processor = new FlamingoProcessor(config, files, {
      inputs: inputs as FlamingoInputs,
      tower: frozenVision ? this.#flamingo : undefined,
    });
    this.abilities = flamingoAbilities(this.#flamingo, this.processor);
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
    const { texts, rows, pictures, images } = batch as FlamingoBatch;
    // A recording keeps references of its own to what its backward pass needs.
    return tf.tidy(() => {
      const media = tf.tidy(() => {
        const features = featureTensor(this.#flamingo, pictures);
        return this.#flamingo.media(features, { images });
      });
      const hidden = this.#flamingo.decode(texts, media);
      const logits = this.#flamingo.logits(rowsAt(hidden, rows)) as tf.Tensor2D;
      return { kind: 'logits' as const, logits };
    });
  }

  export() {
    const joined = { named: () => joinTokenTable(this.#weights.named()) };
    return [...weightsContent(joined), ...flamingoFiles(this.#config, this.processor)];
  }

  [Symbol.dispose](): void {
    this.#weights[Symbol.dispose]();
  }
}
