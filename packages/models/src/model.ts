/**
 * A model as training, evaluation and prediction see it: what is trained, how samples become batches, the forward pass,
 * and what it can do. Which architecture it is, they do not know.
 */
import type { Content, ImageTransform } from '@triptych/datasets';
import type { Parameters, tf } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import type { GroupedTensor } from './grouped-tensor.ts';
import type { WeightSource } from './weights/weight-source.ts';

export interface ModelFactory<C extends object = object> {
  /** Random weights of every parameter, a function of configuration and seed. */
  initialWeights(config: C, seed: number): WeightSource;
  /** What a preset has besides weights: tokenizer files learnt from the texts of the train split, preprocessing. */
  initialFiles(config: C, texts: Iterable<string>): FolderFiles;
  open(options: OpenOptions<C>): Promise<Model>;
}

/** Text files of a Hugging Face folder by path, without the weights. */
export type FolderFiles = Readonly<Record<string, string>>;

export interface OpenOptions<C extends object = object> {
  readonly config: C;
  /** Every parameter of the configuration, as the card lists them. */
  readonly tensors: readonly GroupedTensor[];
  /** Groups whose parameters are trained, and groups whose linear layers get adapters: the method's, and what was unlocked. */
  readonly trains: readonly string[];
  readonly adapts: readonly string[];
  readonly adapter?: AdapterOptions | undefined;
  /** Of every parameter of the configuration. */
  readonly weights: WeightSource;
  /** What a checkpoint has of the trained parameters; adopted. Absent: what `weights` say. */
  readonly trained?: Float32Array | undefined;
  readonly files: FolderFiles;
  readonly memory: ActivationMemory;
  /** Options of the processor, complete. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The head is new: `weights` have zeros for it, and this is how it begins. */
  readonly head?: 'zeros' | 'prompts' | undefined;
  /** Of the run: what is drawn besides weights of presets (adapters, dropout) comes from it. */
  readonly seed: number;
}

/** Low-rank adapters (https://arxiv.org/abs/2106.09685): W + scale B A, scale alpha / rank, or alpha / sqrt(rank). */
export interface AdapterOptions {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly rankStabilised: boolean;
}

export interface Model extends Disposable {
  /** Gradients, all-reduce, optimizer and checkpoints cover these and nothing else. */
  readonly trainable: Parameters;
  /** The trained tensors, in the order of that vector, with their groups. */
  readonly trainableTensors: readonly GroupedTensor[];
  /** sha256 over the names and values of what is not trained; empty where everything is. */
  readonly frozenHash: string;
  readonly processor: Processor;
  /** Synchronous and pure; differentiable with respect to `trainable`. The caller disposes the tensors of the result. */
  forward(batch: Batch, pass: Pass): Outputs;
  readonly abilities: Partial<Abilities>;
  /** The trained model as a Hugging Face folder; weights are read when a file is, and must not change before. */
  export(): readonly ModelFile[];
  /** What a preset's processor was made of, or the folder had: enough to open the model again from a checkpoint. */
  readonly files: FolderFiles;
}

export interface ModelFile {
  readonly path: string;
  readonly content: Uint8Array | (() => AsyncIterable<Uint8Array>);
}

/** What differs between the passes of a run. */
export interface Pass {
  /** Dropout draws from (seed, step, shard, layer); absent: nothing is dropped. */
  readonly dropout?: { readonly step: number; readonly shard: number };
}

export interface AnsweredQuestion {
  readonly question: string;
  readonly answer: string;
}

/** One sample and what of it is wanted in this step. */
export interface Example {
  readonly id: string;
  readonly content: Content;
  readonly images: number;
  readonly classIndex?: number;
  /** RGB bytes [size, size, 3] of picture `i`, transformed as the processor asks. Shared: not to be written to. */
  pixels(i: number): Promise<Uint8Array>;
  /** A name of picture `i` that changes with its bytes; what a frozen tower made of it is kept under this. Absent: nothing is kept. */
  pictureKey?(i: number): string;
  /** At most `count` other questions of the train split about the same pictures, each with an answer, drawn for this step. */
  companions?(count: number): readonly AnsweredQuestion[];
  /** At most `count` other samples of the train split of the same kind with as many pictures, drawn for this step. */
  demonstrations?(count: number): readonly Example[];
  /** Which of `count` alternatives (captions, answers) this step uses. */
  choose(count: number): number;
  /** Position in the run's list of datasets. */
  readonly dataset: number;
}

export interface Processor {
  readonly transform: ImageTransform;
  /** Samples that stand for one shard, in shapes that depend on these samples alone. @throws TriptychError DATASET_INVALID. */
  batch(examples: readonly Example[]): Promise<Batch>;
  /** Tokens that a sample takes, for batches of similar length. */
  lengthOf(example: Pick<Example, 'id' | 'content' | 'images'>): number;
  /** What the model is shown of a sample, and which tokens it is to learn. */
  preview(example: Previewed): Preview;
}

/** A sample, with what a step would draw for it where that is wanted; the first alternative where nothing is chosen. */
export type Previewed = Pick<Example, 'id' | 'content' | 'images'> &
  Partial<Pick<Example, 'choose' | 'companions' | 'demonstrations'>>;

export interface Preview {
  readonly tokens: readonly { readonly text: string; readonly supervised: boolean }[];
  /** With what is learnt in «double angle quotes»; absent where that is everything. */
  readonly text?: string;
}

/** What one shard feeds into the model; only the model knows what else is in it. */
export interface Batch {
  readonly samples: number;
  /** Absent for features: the rows of the logits that `forward` will give, and the dataset of each. */
  readonly targets?: { readonly labels: Int32Array; readonly datasets: Int32Array };
}

export type Outputs =
  /** Unit rows [n, P] of the shard's images and of their texts. */
  | { readonly kind: 'features'; readonly images: tf.Tensor2D; readonly texts: tf.Tensor2D }
  /** One row for each of `batch.targets.labels`. */
  | { readonly kind: 'logits'; readonly logits: tf.Tensor2D };

export interface Abilities {
  readonly embed: Embed;
  readonly classify: Classify;
  readonly generate: Generate;
  readonly loglikelihood: Loglikelihood;
  readonly see: See;
}

/** What the vision tower makes of a picture as a whole: what similar pictures are found by. */
export interface See {
  readonly width: number;
  /** Unit rows [n, width]. */
  pictures(pixels: readonly Uint8Array[]): Promise<Float32Array>;
}

/** Calls have a fixed shape: the caller fills the last block. */
export interface Embed {
  readonly width: number;
  /** Which published ensemble of class prompts its vocabulary can read. */
  readonly prompts: 'openai80' | 'plain';
  /** Unit rows [n, width]; `undefined` is an image of zeros. */
  images(pixels: readonly (Uint8Array | undefined)[]): Promise<Float32Array>;
  texts(texts: readonly string[]): Promise<Float32Array>;
}

/** What the head over fixed classes makes of pictures. */
export interface Classify {
  /** In the order of the columns. */
  readonly classNames: readonly string[];
  /** Logits [n, classes]; `undefined` is an image of zeros. */
  images(pixels: readonly (Uint8Array | undefined)[]): Promise<Float32Array>;
}

/**
 * What a model is to go on with. `captions` without texts asks for a caption, `question` for its answer, `conversation` for
 * the next turn of the assistant; shots are complete samples.
 */
export interface Prompt {
  readonly content: Content;
  /** Transformed RGB bytes. */
  readonly pictures: readonly Uint8Array[];
  readonly shots: readonly { readonly content: Content; readonly pictures: readonly Uint8Array[] }[];
}

export interface TextLimits {
  readonly maxNewTokens: number;
  /** 1: greedy. */
  readonly beams: number;
  /** 0: the most likely token. */
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly lengthPenalty: number;
}

/** Pieces of text as they come, with the position of their prompt. Prompts of one call are computed together. */
export type Generate = (
  prompts: readonly Prompt[],
  limits: TextLimits,
) => AsyncIterable<{ readonly index: number; readonly text: string }>;

/** [prompts x continuations]: the sum of the log-probabilities of the continuation's tokens, and how many they are. */
export type Loglikelihood = (
  prompts: readonly Prompt[],
  continuations: readonly string[],
) => Promise<{ readonly sums: Float64Array; readonly tokens: Int32Array }>;
