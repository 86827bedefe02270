/**
 * Retrieval recall at k in both directions, as LAION's CLIP_benchmark counts it: a text is a hit if its image is among
 * the k best; an image is a hit if any of its texts is.
 */
import { rankOf } from './rank.ts';
import type { ScoreValue } from './score.ts';

const recallAt = [1, 5, 10] as const;

export interface RetrievalInput {
  /** [texts, images] */
  readonly scores: Float32Array;
  readonly images: number;
  /** For each text the image that it belongs to. */
  readonly imageOfText: Int32Array;
}

/** `image_retrieval_*` is text to image, `text_retrieval_*` image to text. */
export function retrieval({ scores, images, imageOfText }: RetrievalInput): ScoreValue[] {
  const texts = imageOfText.length;
  if (scores.length !== texts * images) throw new RangeError(`scores must be [${texts}, ${images}]`);
  const imageRanks: number[] = [];
  const textRanks = new Map<number, number>();
  const textsOfImage = new Map<number, number>();
  for (const [text, image] of imageOfText.entries()) {
    imageRanks.push(rankOf({ scores, offset: text * images, stride: 1, count: images, target: image }));
    const rank = rankOf({ scores, offset: image, stride: images, count: texts, target: text });
    textRanks.set(image, Math.min(rank, textRanks.get(image) ?? Infinity));
    textsOfImage.set(image, (textsOfImage.get(image) ?? 0) + 1);
  }
  return recallAt.flatMap((k) => [
    {
      metric: `image_retrieval_recall@${k}`,
      value: shareBelow(imageRanks, k),
      unit: 'ratio' as const,
      chance: Math.min(1, k / images),
    },
    {
      metric: `text_retrieval_recall@${k}`,
      value: shareBelow([...textRanks.values()], k),
      unit: 'ratio' as const,
      chance: mean([...textsOfImage.values()].map((own) => chanceOfAny({ own, all: texts, drawn: k }))),
    },
  ]);
}

const shareBelow = (ranks: readonly number[], k: number): number =>
  ranks.filter((rank) => rank < k).length / ranks.length;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The probability that `drawn` of `all` texts, drawn blindly, contain at least one of an image's `own` texts. */
function chanceOfAny({ own, all, drawn }: { own: number; all: number; drawn: number }): number {
  let none = 1;
  for (let i = 0; i < drawn; i++) none *= Math.max(0, all - own - i) / Math.max(1, all - i);
  return 1 - none;
}
