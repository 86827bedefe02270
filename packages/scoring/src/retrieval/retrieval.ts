/**
 * Retrieval in both directions, as LAION's CLIP_benchmark counts recall: a text is a hit if its image is among the k best; an
 * image is a hit if any of its texts is, and none without texts. Ranks are open_clip's: 1 is the best.
 */
import { type MetricName, named } from '../metrics.ts';
import { rankOf } from '../rank.ts';
import {
  type Clusters,
  eachAlone,
  mean,
  meanOfSamples,
  type ScoreValue,
  type Statistic,
  scoreValue,
} from '../score.ts';
import type { PairScores } from './similarity.ts';

const recallAt = [1, 5, 10] as const;

export interface RetrievalInput {
  readonly scores: PairScores;
  /** [texts]: the image that each belongs to. */
  readonly imageOfText: Int32Array;
}

/** How far up the right one stands, counted from 0. */
export interface RetrievalRanks {
  /** [texts]: of its image, among all images. */
  readonly ofImages: Int32Array;
  /** [images]: of the best of its texts, among all texts; as many as there are texts for an image without any. */
  readonly ofTexts: Int32Array;
}

/** What the texts from `from` on contribute. Several parts make the ranks, wherever they were computed. */
export interface RetrievalPart {
  readonly from: number;
  /** [texts of this part] */
  readonly ofImages: Int32Array;
  /** [all texts]: how many texts of this part come before this one, for its image. */
  readonly before: Int32Array;
}

/**
 * `image_retrieval_*` is text to image, `text_retrieval_*` image to text. Holds a few rows of the scores at a time: of 100,000
 * texts and 20,000 images all of them would be 8 GB.
 */
export const retrieval = (input: RetrievalInput): ScoreValue[] =>
  recallStatistics(retrievalRanks(input), input.imageOfText).map(scoreValue);

export const retrievalRanks = (input: RetrievalInput): RetrievalRanks =>
  joinedRanks([retrievalPart(input, { from: 0, to: input.imageOfText.length })], input);

/** The rows of some texts; the whole is the same however it is cut. */
export function retrievalPart(
  { scores, imageOfText }: RetrievalInput,
  { from, to }: { readonly from: number; readonly to: number },
): RetrievalPart {
  const { images } = scores;
  const texts = imageOfText.length;
  const own = Float32Array.from(imageOfText, (image, text) => scores.of(text, image));
  const ofImages = new Int32Array(to - from);
  const before = new Int32Array(texts);
  for (let text = from; text < to; text++) {
    const row = scores.row(text);
    const target = imageOfText[text]!;
    ofImages[text - from] = rankOf({ scores: row, offset: 0, stride: 1, count: images, target });
    for (let other = 0; other < texts; other++) {
      const score = row[imageOfText[other]!]!;
      if (score > own[other]! || (score === own[other] && text < other)) before[other]! += 1;
    }
  }
  return { from, ofImages, before };
}

/** @throws RangeError if the parts do not cover every text once. */
export function joinedRanks(
  parts: readonly RetrievalPart[],
  { scores, imageOfText }: RetrievalInput,
): RetrievalRanks {
  const texts = imageOfText.length;
  const ofImages = new Int32Array(texts);
  const before = new Int32Array(texts);
  let covered = 0;
  for (const part of [...parts].sort((a, b) => a.from - b.from)) {
    if (part.from !== covered) throw new RangeError(`expected a part from text ${covered}, got ${part.from}`);
    covered += part.ofImages.length;
    ofImages.set(part.ofImages, part.from);
    for (let text = 0; text < texts; text++) before[text]! += part.before[text]!;
  }
  if (covered !== texts) throw new RangeError(`the parts cover ${covered} of ${texts} texts`);
  const ofTexts = new Int32Array(scores.images).fill(texts);
  for (let text = 0; text < texts; text++) {
    const image = imageOfText[text]!;
    const rank = Number.isNaN(scores.of(text, image)) ? texts : before[text]!;
    ofTexts[image] = Math.min(rank, ofTexts[image]!);
  }
  return { ofImages, ofTexts };
}

/** Recalls, then ranks; the cluster of a text is its image. */
export const retrievalStatistics = (ranks: RetrievalRanks, imageOfText: Int32Array): Statistic[] => [
  ...recallStatistics(ranks, imageOfText),
  ...rankStatistics(ranks, imageOfText),
];

function recallStatistics(ranks: RetrievalRanks, imageOfText: Int32Array): Statistic[] {
  const { ofImages, ofTexts } = directions(ranks, imageOfText);
  const chances = chancesOf(imageOfText, ranks.ofTexts.length);
  return recallAt.flatMap((k) => {
    const hits = (kept: Int32Array) => Float64Array.from(kept, (rank) => (rank < k ? 1 : 0));
    return [
      meanOfSamples({
        ...named(`image_retrieval_recall@${k}`),
        ...ofImages,
        chance: Math.min(1, k / ranks.ofTexts.length),
        values: hits(ranks.ofImages),
      }),
      meanOfSamples({
        ...named(`text_retrieval_recall@${k}`),
        ...ofTexts,
        chance: chances(k),
        values: hits(ranks.ofTexts),
      }),
    ];
  });
}

function rankStatistics(ranks: RetrievalRanks, imageOfText: Int32Array): Statistic[] {
  const { ofImages, ofTexts } = directions(ranks, imageOfText);
  return (
    [
      ['image_retrieval', ofImages, ranks.ofImages],
      ['text_retrieval', ofTexts, ranks.ofTexts],
    ] as const
  ).flatMap(([direction, { ids, clusters }, zeroBased]) => {
    const values = Float64Array.from(zeroBased, (rank) => rank + 1);
    return [
      medianRank(`${direction}_median_rank`, { ids, clusters, values }),
      meanOfSamples({ ...named(`${direction}_mean_rank`), ids, clusters, values }),
    ];
  });
}

function directions({ ofImages, ofTexts }: RetrievalRanks, imageOfText: Int32Array) {
  const names = (what: string, count: number) => Array.from({ length: count }, (_, i) => `${what} ${i}`);
  const count = ofTexts.length;
  return {
    ofImages: { ids: names('text', ofImages.length), clusters: { count, of: imageOfText } },
    ofTexts: { ids: names('image', count), clusters: eachAlone(count) },
  };
}

/** Of an even number of ranks the two in the middle are averaged, and half a rank is dropped. */
function medianRank(
  metric: MetricName,
  of: { readonly ids: readonly string[]; readonly clusters: Clusters; readonly values: Float64Array },
): Statistic {
  const { ids, clusters, values } = of;
  const ascending = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const weighted = (weights: ArrayLike<number>) => {
    let total = 0;
    for (const sample of ascending) total += weights[clusters.of[sample]!]!;
    const at = (place: number) => {
      let passed = 0;
      for (const sample of ascending) {
        passed += weights[clusters.of[sample]!]!;
        if (passed > place) return values[sample]!;
      }
      return Number.NaN;
    };
    return Math.floor((at(Math.floor((total - 1) / 2)) + at(Math.floor(total / 2))) / 2);
  };
  return {
    ...named(metric),
    value: weighted(new Float64Array(clusters.count).fill(1)),
    samples: values.length,
    of: weighted,
    perSample: { ids, values },
  };
}

/** For each image, the probability that k texts drawn blindly contain one of its own; the mean over the images. */
function chancesOf(imageOfText: Int32Array, images: number): (k: number) => number {
  const own = new Int32Array(images);
  for (const image of imageOfText) own[image]! += 1;
  return (k) => mean([...own].map((texts) => chanceOfAny({ own: texts, all: imageOfText.length, drawn: k })));
}

function chanceOfAny({ own, all, drawn }: { own: number; all: number; drawn: number }): number {
  let none = 1;
  for (let i = 0; i < drawn; i++) none *= Math.max(0, all - own - i) / Math.max(1, all - i);
  return 1 - none;
}
