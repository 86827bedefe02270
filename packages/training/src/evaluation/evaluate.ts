/** Scores a model on one split: zero-shot classification and retrieval. Embedding is shared by the ranks; scoring is not. */
import { type Dataset, type PromptSet, promptTemplates, zeroShotPrompts } from '@triptych/datasets';
import type { ClipConfig } from '@triptych/models';
import type { EvaluationTask, ResolvedRunSpec } from '@triptych/protocol';
import { retrieval, type ScoreValue, similarities, zeroShot } from '@triptych/scoring';
import { captionsOf } from '../loading/batch-loader.ts';
import type { Embedder } from './embedder.ts';

export interface TaskScore extends ScoreValue {
  readonly task: EvaluationTask;
  readonly samples: number;
}

export interface EvaluationOptions {
  readonly dataset: Dataset;
  readonly evaluation: ResolvedRunSpec['evaluation'];
  readonly config: ClipConfig;
  readonly embedder: Embedder;
}

/** All scores of all tasks; every rank must call it, and every rank gets the same. */
export async function evaluate(options: EvaluationOptions): Promise<TaskScore[]> {
  const { dataset, evaluation, embedder } = options;
  const indices = dataset.indices(evaluation.split);
  if (evaluation.tasks.length === 0 || indices.length === 0) return [];
  const images = await embedder.images(indices);
  const scores: TaskScore[] = [];
  for (const task of evaluation.tasks) scores.push(...(await tasks[task](options, { indices, images })));
  return scores;
}

interface EmbeddedImages {
  readonly indices: Int32Array;
  /** [indices, P] */
  readonly images: Float32Array;
}

type Task = (options: EvaluationOptions, embedded: EmbeddedImages) => Promise<TaskScore[]>;

const tasks: Readonly<Record<EvaluationTask, Task>> = {
  'zero-shot': scoreZeroShot,
  retrieval: scoreRetrieval,
};

async function scoreZeroShot(options: EvaluationOptions, embedded: EmbeddedImages): Promise<TaskScore[]> {
  const { dataset, config, embedder } = options;
  const { classNames, samples } = dataset.manifest;
  const width = config.projection_dim;
  const labelled = [...embedded.indices.entries()].filter(
    ([, index]) => samples[index]!.classIndex !== undefined,
  );
  if (labelled.length === 0) return [];
  const labels = Int32Array.from(labelled, ([, index]) => samples[index]!.classIndex!);
  const images = new Float32Array(labelled.length * width);
  for (const [row, [at]] of labelled.entries())
    images.set(embedded.images.subarray(at * width, (at + 1) * width), row * width);
  const set = promptSetFor(config);
  const prompts = classNames.flatMap((name) => zeroShotPrompts(name, set));
  const classes = classEmbeddings(await embedder.texts(prompts), promptTemplates[set].length, width);
  const scores = similarities(images, classes, width);
  return zeroShot({ scores, classes: classNames.length, labels }).map((score) => ({
    task: 'zero-shot',
    samples: labelled.length,
    ...score,
  }));
}

/** The published ensemble means nothing to a vocabulary that was learnt from a few plain captions. */
const promptSetFor = ({ text_config }: ClipConfig): PromptSet =>
  text_config.vocab_size >= 49_408 ? 'openai80' : 'plain';

/** Each class: the mean of its prompts' unit rows, made a unit row again. [classes * templates, width] to [classes, width]. */
export function classEmbeddings(prompts: Float32Array, templates: number, width: number): Float32Array {
  const classes = new Float32Array(prompts.length / templates);
  for (let start = 0; start < classes.length; start += width) {
    const row = classes.subarray(start, start + width);
    for (let i = 0; i < templates * width; i++) row[i % width]! += prompts[start * templates + i]!;
    const norm = Math.hypot(...row);
    for (let i = 0; i < width; i++) row[i]! /= norm;
  }
  return classes;
}

async function scoreRetrieval(options: EvaluationOptions, embedded: EmbeddedImages): Promise<TaskScore[]> {
  const { dataset, config, embedder } = options;
  const captions: string[] = [];
  const imageOfText: number[] = [];
  for (const [image, index] of embedded.indices.entries())
    for (const caption of captionsOf(dataset, index)) {
      captions.push(caption);
      imageOfText.push(image);
    }
  if (captions.length === 0) return [];
  const texts = await embedder.texts(captions);
  const scores = similarities(texts, embedded.images, config.projection_dim);
  const images = embedded.indices.length;
  return retrieval({ scores, images, imageOfText: Int32Array.from(imageOfText) }).map((score) => ({
    task: 'retrieval',
    samples: images,
    ...score,
  }));
}
