/**
 * Retrieval recall at k in both directions, as LAION's CLIP_benchmark counts it: a text is a hit if its image is among
 * the k best; an image is a hit if any of its texts is.
 */
import { rankOf } from './rank.ts';
import type { ScoreValue } from './score.ts';
import type { PairScores } from './similarity.ts';

const recallAt = [1, 5, 10] as const;

export interface RetrievalInput {
  readonly scores: PairScores;
  /** For each text the image that it belongs to. */
  readonly imageOfText: Int32Array;
}

/**
 * `image_retrieval_*` is text to image, `text_retrieval_*` image to text. Holds one row of the scores at a time: of 100,000 texts
 * and 20,000 images all of them would be 8 GB.
 */
export function retrieval({ scores, imageOfText }: RetrievalInput): ScoreValue[] {
  const { images } = scores;
  const texts = imageOfText.length;
  const own = Float32Array.from(imageOfText, (image, text) => scores.of(text, image));
  const imageRanks: number[] = [];
  /** How many texts come before this one, for its image. */
  const before = new Int32Array(texts);
  for (const [text, target] of imageOfText.entries()) {
    const row = scores.row(text);
    imageRanks.push(rankOf({ scores: row, offset: 0, stride: 1, count: images, target }));
    for (let other = 0; other < texts; other++) {
      const score = row[imageOfText[other]!]!;
      if (score > own[other]! || (score === own[other] && text < other)) before[other]! += 1;
    }
  }
  const textRanks = new Map<number, number>();
  const textsOfImage = new Map<number, number>();
  for (const [text, image] of imageOfText.entries()) {
    const rank = Number.isNaN(own[text]) ? texts : before[text]!;
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
