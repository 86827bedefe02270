/** LLaVA as training, evaluation and prediction drive it. */
import { tf } from '@triptych/nn';
import { isInGroups } from '../grouped-tensor.ts';
import { rowsAt } from '../llama/next-token.ts';
import { Adapters, drawOfAdapter } from '../lora/adapters.ts';
import { adapterFolder, mergedTensors } from '../lora/export.ts';
import { adapterTensors } from '../lora/parameters.ts';
import type { Batch, Model, ModelFactory, ModelFile, OpenOptions, Pass } from '../model.ts';
import { weightsContent } from '../model-files.ts';
import { ModelWeights } from '../model-weights.ts';
import { featureTensor, type SeenPictures } from '../vit/seen-pictures.ts';
import { writingOf } from '../weights/dialect.ts';
import { inMemoryLlava } from '../weights/dialects/llava.ts';
import { drawnSource } from '../weights/drawn-source.ts';
import { joinedSource } from '../weights/joined-source.ts';
import { llavaAbilities } from './abilities.ts';
import type { LlavaConfig } from './config.ts';
import { initialLlavaFiles, llavaFiles } from './files.ts';
import { drawOf } from './initial-weights.ts';
import type { LlavaInputs } from './inputs.ts';
import { Llava } from './llava.ts';
import { llavaParameters } from './parameters.ts';
import { type LlavaBatch, LlavaProcessor } from './processor.ts';

export const llavaFactory: ModelFactory<LlavaConfig> = {
  initialWeights: (config, seed) =>
    drawnSource(
      llavaParameters(config).flatMap(({ parts }) => parts),
      { seed, drawOf: (name) => drawOf(name, config) },
    ),
  initialFiles: initialLlavaFiles,
  async open(options) {
    const weights = await openWeights(options);
    try {
      return new LlavaModel(options, weights);
    } catch (error) {
      weights[Symbol.dispose]();
      throw error;
    }
  },
};

function openWeights({ tensors, trains, weights, trained, ...options }: OpenOptions<LlavaConfig>) {
  const adapters = adaptersOf({ tensors, ...options });
  const parts = adapters.flatMap((tensor) => tensor.parts);
  const shapes = new Map(parts.map((part) => [part.name, part]));
  const drawn = drawnSource(parts, {
    seed: options.seed,
    drawOf: (name) => drawOfAdapter(shapes.get(name)!),
  });
  return ModelWeights.open({
    tensors,
    trains,
    beside: adapters,
    // A run that goes on with an imported adapter has its matrices among the weights.
    source: joinedSource(weights, drawn),
    trained,
  });
}

const adaptersOf = ({ tensors, adapts, adapter }: Pick<OpenOptions, 'tensors' | 'adapts' | 'adapter'>) =>
  adapter ? adapterTensors(adaptedOf({ tensors, adapts }), adapter.rank) : [];

const adaptedOf = ({ tensors, adapts }: Pick<OpenOptions, 'tensors' | 'adapts'>) =>
  tensors.filter(({ group }) => isInGroups(group, adapts));

class LlavaModel implements Model {
  readonly processor: LlavaProcessor;
  readonly abilities: ReturnType<typeof llavaAbilities>;
  readonly files: OpenOptions['files'];
  readonly #config: LlavaConfig;
  readonly #seed: number;
  readonly #weights: ModelWeights;
  readonly #llava: Llava;
  readonly #adapters: Adapters | undefined;

  constructor(options: OpenOptions<LlavaConfig>, weights: ModelWeights) {
    const { config, files, memory, inputs, seed, adapter } = options;
    this.#config = config;
    this.#seed = seed;
    this.#weights = weights;
    this.files = files;
    this.#adapters = adapter && new Adapters(adaptedOf(options), adapter);
    const frozenVision = !weights.trainableTensors.some(({ group }) => isInGroups(group, ['vision']));
    this.#llava = new Llava(config, weights.lookup, {
      memory,
      frozenVision,
      ...(this.#adapters && { projection: this.#adapters.projection() }),
    });
    this.processor = new LlavaProcessor(config, files, {
      inputs: inputs as LlavaInputs,
      tower: frozenVision ? this.#llava : undefined,
    });
    this.abilities = llavaAbilities(this.#llava, this.processor);
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

  forward(batch: Batch, { dropout }: Pass) {
    const { texts, rows, pictures } = batch as LlavaBatch;
    const projection = dropout && this.#adapters?.projection({ seed: this.#seed, ...dropout });
    // A recording keeps references of its own to what its backward pass needs.
    return tf.tidy(() => {
      const hidden = this.#llava.decode(texts, this.#images(pictures), { ...(projection && { projection }) });
      const logits = this.#llava.logits(rowsAt(hidden, rows)) as tf.Tensor2D;
      return { kind: 'logits' as const, logits };
    });
  }

  /** The whole model with its adapters merged; adapters and projector besides, as PEFT reads them. */
  export() {
    const tensors = this.#weights.named();
    const adapters = this.#adapters;
    const files = llavaFiles(this.#config, this.processor);
    if (!adapters) return [...weightsContent(this.#weights), ...files];
    const named = () => mergedTensors(tensors, adapters, this.#weights.lookup);
    return [...weightsContent({ named }), ...files, ...this.#adapterFiles(adapters)];
  }

  [Symbol.dispose](): void {
    this.#weights[Symbol.dispose]();
  }

  #images(pictures: SeenPictures): tf.Tensor3D | null {
    if (pictures.values.length === 0) return null;
    return tf.tidy(() => this.#llava.project(featureTensor(this.#llava, pictures)));
  }

  #adapterFiles(adapters: Adapters): ModelFile[] {
    const { layout, flat } = this.#weights.trainable;
    return adapterFolder({
      adapters,
      tensors: [...layout.named()].map(({ name, shape, offset, length }) => ({
        name,
        shape,
        data: flat.subarray(offset, offset + length),
      })),
      moduleName,
      within: 'model\\.language_model\\.layers\\..*',
      whole: ['multi_modal_projector'],
    });
  }
}

/** PEFT refers to the model in memory. */
const moduleName = (name: string): string => writingOf(inMemoryLlava, name)!.name;
