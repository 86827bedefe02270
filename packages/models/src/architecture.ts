/**
 * What the service knows of an architecture without loading a tensor library: the control plane resolves, plans and checks
 * runs with nothing else. A new architecture is one folder with a `card.ts` and a `model.ts`, and one line in registry.ts.
 */
import type { ActivationMemory, Duration, Objective } from '@triptych/protocol';
import type { TObject } from 'typebox';
import type { GroupedTensor } from './grouped-tensor.ts';
import type { FolderFiles, ModelFactory } from './model.ts';
import type { Dialect } from './weights/dialect.ts';
import type { NamedWeights } from './weights/named-weights.ts';

export type { GroupedTensor };

export interface Architecture<C extends object = object> {
  /** As runs, models and metrics name it: `clip`. */
  readonly name: string;
  /** As people write it: `CLIP`. */
  readonly title: string;
  /** What the Hub calls what it does. */
  readonly pipelineTag: string;
  readonly presets: Readonly<Record<string, Preset<C>>>;
  /** Whether a Hugging Face `config.json` is one of this architecture's. */
  recognises(config: Readonly<Record<string, unknown>>): boolean;
  /** @throws TriptychError MODEL_INVALID with every violation. */
  parseConfig(json: unknown): C;
  /** Every parameter, in the order of the weight file. */
  parameters(config: C): readonly GroupedTensor[];
  /** The adapters of the linear layers in these groups; absent where there are none. */
  adapters?(
    config: C,
    at: { readonly groups: readonly string[]; readonly rank: number },
  ): readonly GroupedTensor[];
  /** What of a model is trained; the first is the default where weights exist. */
  readonly methods: Readonly<Record<string, Method>>;
  /** Parts that a run may take from another model, by name. */
  readonly towers?: Readonly<Record<string, Tower<C>>>;
  /** Names of the training catalog; the first is the default. */
  readonly objectives: readonly string[];
  readonly abilities: readonly Ability[];
  /** Kinds of sample content that it can be trained on. */
  readonly contents: readonly ContentKind[];
  /** Options of the processor (`inputs` of a run), each with its default. */
  readonly inputs: TObject;
  readonly folder: Folder<C>;
  /** The configuration with the parameters that a loss brings (a temperature, a bias) at these initial values. */
  forScalars(config: C, scalars: Readonly<Record<string, number>>): C;
  /** The configuration with a head over these classes, or without one; absent where no method has a head. */
  forClasses?(config: C, classNames: readonly string[] | undefined): C;
  recipe(config: C, at: RecipeContext): Recipe;
  /** Sizes that limits and memory estimates are made of. */
  sizes(config: C): ModelSizes;
  /** Bytes on the backend. */
  activations(config: C, at: ActivationDemand): ActivationBytes;
  /** The half with tensors. */
  load(): Promise<ModelFactory<C>>;
}

export interface Preset<C> {
  readonly description: string;
  readonly config: C;
}

/** A part of a model that comes from another one. */
export interface Tower<C> {
  /** Names of the architectures that have one. */
  readonly from: readonly string[];
  /** What `parseConfig` makes the configuration of the whole of. */
  config(config: C, of: object): unknown;
  /** What the other model calls a parameter; undefined where it is none of this tower's. */
  nameOf(name: string): string | undefined;
  /** Files of the folder that go with it. */
  readonly files: readonly string[];
}

export interface Method {
  readonly description: string;
  /** Groups whose parameters are trained. */
  readonly trains: readonly string[];
  /** Groups whose linear layers stay as they are and get low-rank adapters. */
  readonly adapts?: readonly string[];
  /** True: for random weights; a model that exists is trained by another method. */
  readonly fromScratch?: boolean;
  /**
   * It trains a head with a row for each class of the dataset. Where the model has none for these classes yet, it begins with
   * zeros, or as zero-shot classification: with what the text tower makes of the classes' prompts.
   */
  readonly head?: 'zeros' | 'prompts';
  /** Those of the architecture's that it can be trained with; absent: all. The first is the default. */
  readonly objectives?: readonly string[];
  /** What the model can do; absent: what the architecture can. */
  readonly abilities?: readonly Ability[];
  /** What a run is scored by where it does not say; absent: every task that the model is able to do. */
  readonly tasks?: readonly string[];
}

export type Ability = 'embed' | 'classify' | 'generate' | 'loglikelihood';
export type ContentKind = 'captions' | 'interleaved' | 'question' | 'conversation';

/** Which files of a Hugging Face folder are read besides the weights. */
export interface Folder<C> {
  /** Every one of these, or one of the alternatives of an inner list. */
  readonly required: readonly (string | readonly string[])[];
  readonly optional: readonly string[];
  /** Names that weights may have in files; the first one's are canonical, those of `parameters`. */
  readonly dialects: readonly Dialect[];
  /** Where canonical names of files and of parameters differ: what a model cuts in two. */
  readonly inMemory?: (weights: NamedWeights, config: C) => NamedWeights;
  /** Whether the files besides the weights can be obeyed. @throws TriptychError MODEL_INVALID with every violation. */
  check(config: C, files: FolderFiles): void;
}

export interface RecipeContext {
  readonly method: string;
  /** The run starts from weights that exist, not from a random initialisation. */
  readonly pretrained: boolean;
}

/** The settings that a run gets where its spec says nothing. */
export interface Recipe {
  readonly objective: Objective;
  readonly duration: Duration;
  readonly globalBatch: number;
  readonly shards: number;
  readonly learningRate: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  readonly schedule: 'cosine' | 'constant';
  /** Part of all steps spent warming up; at most a tenth, or fine-tunes collapse. */
  readonly warmupRatio: number;
  readonly checkpointEverySteps: number;
  /** Learning rates and decays of groups that differ from the rest. */
  readonly groups?: Readonly<
    Record<string, { readonly learningRate?: number; readonly weightDecay?: number }>
  >;
}

/** Objectives that a method of the architecture can be trained with. */
export const objectivesOf = (
  { methods, objectives }: Pick<Architecture, 'methods' | 'objectives'>,
  method: string,
): readonly string[] => methods[method]?.objectives ?? objectives;

/** What a model can do that was trained by this method. */
export const abilitiesOf = (
  { methods, abilities }: Pick<Architecture, 'methods' | 'abilities'>,
  method: string,
): readonly Ability[] => methods[method]?.abilities ?? abilities;

export interface ModelSizes {
  /** Side of the square pictures, in pixels. */
  readonly imageSize: number;
  /** Tokens of the longest text. */
  readonly contextLength: number;
  readonly vocabulary: number;
}

export interface ActivationDemand {
  /** Samples in one forward pass. */
  readonly samples: number;
  readonly memory: ActivationMemory;
  readonly method: string;
  /** `inputs` of the run. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

export interface ActivationBytes {
  /** What a recorded forward pass keeps until its backward pass. */
  readonly kept: number;
  /** The most that the backward pass needs, what is kept included. */
  readonly backward: number;
  /** The most that a forward pass of one evaluation block needs that is not recorded. */
  readonly forward: number;
}
