/** Candidates ranked by the likeness of their features to those of what they are compared with. */
import { setImmediate } from 'node:timers/promises';
import { promptTemplates } from '@triptych/datasets';
import type { Embed } from '@triptych/models';
import { classEmbeddings, EVALUATION_BLOCK } from '@triptych/models/catalog';
import type { TaskOf } from '@triptych/protocol';
import { similarities } from '@triptych/scoring';
import { type Ranking, rankingOf } from './ranking.ts';

export interface FeatureRanking {
  readonly embed: Embed;
  /** Similarities times this are logits. */
  readonly scale: number;
  /** Transformed, by position. */
  readonly pictures: readonly Uint8Array[];
  readonly signal: AbortSignal;
}

type Matched = TaskOf<'classify' | 'match-captions' | 'match-images'>;

export async function rankByFeatures(task: Matched, options: FeatureRanking): Promise<Ranking> {
  const { embed, scale, pictures } = options;
  const { width } = embed;
  if (task.kind === 'match-images') {
    const text = await embed.texts([task.text]);
    const images = await imageRows(
      task.images.map((at) => pictures[at]!),
      options,
    );
    return rankingOf({ scores: similarities(text, images, width), scale });
  }
  const image = await embed.images([pictures[task.image]!]);
  const texts = task.kind === 'classify' ? task.labels : task.captions;
  const rows =
    task.kind === 'classify' ? await labelRows(task, options) : await textRows(task.captions, options);
  return rankingOf({ scores: similarities(image, rows, width), scale, texts });
}

async function labelRows({ labels, templates }: TaskOf<'classify'>, options: FeatureRanking) {
  const sentences = templates ?? promptTemplates[options.embed.prompts];
  const prompts = labels.flatMap((label) => sentences.map((one) => one.replace('{}', () => label)));
  return classEmbeddings(await textRows(prompts, options), sentences.length, options.embed.width);
}

/** In blocks, so that memory stays bounded and a caller who has gone is noticed. */
async function textRows(texts: readonly string[], { embed, signal }: FeatureRanking): Promise<Float32Array> {
  const rows = new Float32Array(texts.length * embed.width);
  for (let start = 0; start < texts.length; start += EVALUATION_BLOCK.texts) {
    await setImmediate();
    signal.throwIfAborted();
    rows.set(await embed.texts(texts.slice(start, start + EVALUATION_BLOCK.texts)), start * embed.width);
  }
  return rows;
}

async function imageRows(
  pictures: readonly Uint8Array[],
  { embed, signal }: FeatureRanking,
): Promise<Float32Array> {
  const rows = new Float32Array(pictures.length * embed.width);
  for (const [i, picture] of pictures.entries()) {
    await setImmediate();
    signal.throwIfAborted();
    rows.set(await embed.images([picture]), i * embed.width);
  }
  return rows;
}
