/**
 * A preset of an architecture, opened as a run opens it and trained by one of its methods, from random weights and on random
 * texts with a picture each. A tower that the method leaves as it is runs in every step all the same, as the peer's does;
 * a run keeps what such a tower made of each picture.
 */
import { ParameterLayout, random, record, softmaxCrossEntropy, tf } from '@triptych/nn';
import { Create } from 'typebox/value';
import { elementCount } from '../catalog/parameter-tensor.ts';
import { type GroupedTensor, isInGroups } from '../grouped-tensor.ts';
import { flatWeights, ModelWeights } from '../model-weights.ts';
import { attentionFlops, productFlops } from './flops.ts';
import type { MeasuredArchitecture, MeasuredMethod } from './measured-architecture.ts';
import { floats, integers, promptInputs, trainingInputs } from './picture-texts.ts';
import type { OpenTextGeneration, OpenWorkload, Workload } from './workload.ts';

const SEED = 1;
const PROMPTS = 8;

export function architectureWorkload<C extends object>(
  architecture: MeasuredArchitecture<C>,
  measured: MeasuredMethod,
): Workload {
  const { preset, method, adapter, generates } = measured;
  const step = new MethodStep(architecture, measured);
  const { config } = step;
  const texts = architecture.textShape(config);
  return {
    name: `${preset}-${method}`,
    description: `${preset}: ${step.description}; texts of ${texts.opening.length + texts.learnt} tokens`,
    peer: {
      model: architecture.peer,
      config: { ...config, ...(adapter && { adapter_scale: adapter.alpha / adapter.rank }) },
    },
    inputs(batch) {
      const prompts = { batch: PROMPTS, stream: random(SEED, 'bench', preset, 'prompts') };
      return [
        ...trainingInputs(texts, { batch, stream: random(SEED, 'bench', preset, batch) }),
        ...(generates ? promptInputs(texts, prompts) : []),
      ];
    },
    flops: (batch) => batch * step.flops(),
    open: () => step.open(),
    ...(generates && {
      textGeneration: { prompts: PROMPTS, open: () => step.openForPrompts() },
    }),
  };
}

class MethodStep<C extends object> {
  readonly config: C;
  readonly #architecture: MeasuredArchitecture<C>;
  readonly #measured: MeasuredMethod;
  readonly #tensors: readonly GroupedTensor[];
  readonly #adapters: readonly GroupedTensor[];
  readonly #trains: readonly string[];
  readonly #adapts: readonly string[];

  constructor(architecture: MeasuredArchitecture<C>, measured: MeasuredMethod) {
    const { card } = architecture;
    const { preset, method, adapter } = measured;
    const { trains, adapts = [] } = card.methods[method]!;
    this.config = card.presets[preset]!.config;
    this.#architecture = architecture;
    this.#measured = measured;
    this.#tensors = card.parameters(this.config);
    this.#adapters = adapter ? card.adapters!(this.config, { groups: adapts, rank: adapter.rank }) : [];
    this.#trains = trains;
    this.#adapts = adapts;
  }

  get description(): string {
    const { description } = this.#architecture.card.methods[this.#measured.method]!;
    const trained = this.#tensors.filter((tensor) => this.#isTrained(tensor));
    const millions = (count: number) => `${(count / 1e6).toFixed(2)} M`;
    const share = `${millions(elementCount([...trained, ...this.#adapters]))} of ${millions(elementCount(this.#tensors))} parameters`;
    const tower = this.#trainsVision ? '' : '; the tower runs in every step, where a run keeps what it made';
    return `${description} (${share})${tower}`;
  }

  /** Of one sample. */
  flops(): number {
    const { rowsOf, attentions } = this.#architecture;
    const products = [...this.#tensors, ...this.#adapters]
      .filter(({ shape }) => shape.length === 2)
      .map((tensor) => ({
        rows: rowsOf(tensor, this.config),
        weights: elementCount([tensor]),
        passes: this.#passesOf(tensor),
      }));
    return [
      ...products.map(productFlops),
      ...attentions(this.config, this.#trainsVision ? 3 : 1).map(attentionFlops),
    ].reduce((sum, flops) => sum + flops, 0);
  }

  async open(): Promise<OpenWorkload> {
    const { card, batch: batchOf } = this.#architecture;
    const factory = await card.load();
    const weights = factory.initialWeights(this.config, SEED);
    const model = await factory.open({
      config: this.config,
      tensors: this.#tensors,
      trains: this.#trains,
      adapts: this.#adapts,
      adapter: this.#measured.adapter,
      weights,
      files: factory.initialFiles(this.config, ['a red square', 'a blue circle']),
      memory: 'keep',
      inputs: Create(card.inputs) as Record<string, unknown>,
      seed: SEED,
    });
    const layout = new ParameterLayout(this.#tensors.filter((tensor) => !this.#isTrained(tensor)));
    return {
      parameters: model.trainable,
      frozen: async () => ({ layout, flat: await flatWeights(layout, weights) }),
      record: (inputs, batch) => {
        const labels = integers(inputs, 'labels');
        const [ids, rows] = [integers(inputs, 'ids'), integers(inputs, 'rows')];
        const given = batchOf({ batch, ids, patches: floats(inputs, 'patches'), rows, labels });
        return record(model.trainable.tensors(), () => {
          const outputs = model.forward(given, {});
          if (outputs.kind !== 'logits') throw new TypeError(`${card.name} gives ${outputs.kind}, no logits`);
          const { sum, count } = softmaxCrossEntropy(outputs.logits, labels);
          return [tf.mul(sum, 1 / count)];
        });
      },
      [Symbol.dispose]: () => model[Symbol.dispose](),
    };
  }

  async openForPrompts(): Promise<OpenTextGeneration> {
    const { card, generate } = this.#architecture;
    const source = (await card.load()).initialWeights(this.config, SEED);
    const weights = await ModelWeights.open({ tensors: this.#tensors, trains: [], source });
    return {
      generate: (inputs, { prompts: batch, newTokens }) => {
        const first = <T extends Float32Array | Int32Array>(values: T): T =>
          values.subarray(0, (values.length / PROMPTS) * batch) as T;
        return generate(this.config, {
          batch,
          ids: first(integers(inputs, 'prompt_ids')),
          patches: first(floats(inputs, 'prompt_patches')),
          weights: weights.lookup,
          newTokens,
        });
      },
      [Symbol.dispose]: () => weights[Symbol.dispose](),
    };
  }

  get #trainsVision(): boolean {
    return isInGroups('vision', this.#trains);
  }

  #isTrained({ group }: GroupedTensor): boolean {
    return isInGroups(group, this.#trains);
  }

  /** Of the three products of a matrix: one that is not trained has no gradient, what reads no parameter's work passes none on. */
  #passesOf(tensor: GroupedTensor): number {
    const trained = this.#isTrained(tensor) || this.#adapters.includes(tensor);
    const readsNumbers = this.#trainsVision
      ? tensor.key.includes('patch_embedding')
      : /^vision|projector\.linear_1\./.test(tensor.key);
    return 1 + (trained ? 1 : 0) + (readsNumbers ? 0 : 1);
  }
}
