/**
 * BLEU-1 to BLEU-4 as coco-caption's bleu_scorer.py computes them: counts clipped by the reference that has most, the
 * length of the closest reference (of two, the shorter), and 1e-15 / 1e-9 where others smooth or divide by zero.
 */
import {
  type CaptionedImage,
  type CaptionScore,
  type CountedImages,
  countedImages,
} from './captioned-image.ts';
import { type CountedText, ORDERS } from './grams.ts';

const TINY = 1e-15;
const SMALL = 1e-9;

/** BLEU-n at index n - 1. The corpus' figure comes from the summed counts; it is not the mean over the images. */
export function bleu(images: readonly CaptionedImage[]): CaptionScore[] {
  const tallies = bleuTallies(countedImages(images));
  const perImage = tallies.map(bleuOf);
  const corpus = bleuOf(summed(tallies));
  return corpus.map((value, order) => ({
    corpus: value,
    perImage: perImage.map((values) => values[order]!),
  }));
}

/**
 * What BLEU adds up over images: words of the hypothesis, words of the reference, then for each order the n-grams of the
 * hypothesis, then for each order those that are right.
 */
export type BleuTally = Float64Array;
export const TALLY_LENGTH = 2 + 2 * ORDERS;

export function bleuTallies({ table, images }: CountedImages): BleuTally[] {
  const { grams, counts } = table;
  // [n-grams]: how often the reference has it that has it most; zero between two images.
  const most = new Int32Array(table.size);
  return images.map(({ hypothesis, references }) => {
    const tally = new Float64Array(TALLY_LENGTH);
    tally[0] = hypothesis.words;
    tally[1] = closestLength(hypothesis, references);
    for (const { bounds } of references)
      for (let entry = bounds[0]!; entry < bounds[ORDERS]!; entry++) {
        const gram = grams[entry]!;
        if (counts[entry]! > most[gram]!) most[gram] = counts[entry]!;
      }
    for (let order = 0; order < ORDERS; order++) {
      let correct = 0;
      for (let entry = hypothesis.bounds[order]!; entry < hypothesis.bounds[order + 1]!; entry++)
        correct += Math.min(counts[entry]!, most[grams[entry]!]!);
      tally[2 + order] = Math.max(0, hypothesis.words - order);
      tally[2 + ORDERS + order] = correct;
    }
    for (const { bounds } of references)
      for (let entry = bounds[0]!; entry < bounds[ORDERS]!; entry++) most[grams[entry]!] = 0;
    return tally;
  });
}

function closestLength({ words }: CountedText, references: readonly CountedText[]): number {
  let best = references[0]!.words;
  for (const { words: candidate } of references) {
    const nearer = Math.abs(candidate - words) - Math.abs(best - words);
    if (nearer < 0 || (nearer === 0 && candidate < best)) best = candidate;
  }
  return best;
}

function summed(tallies: readonly BleuTally[]): BleuTally {
  const sum = new Float64Array(TALLY_LENGTH);
  for (const one of tallies) for (let i = 0; i < sum.length; i++) sum[i]! += one[i]!;
  return sum;
}

/** BLEU-n at index n - 1. */
export function bleuOf(tally: BleuTally): number[] {
  const ratio = (tally[0]! + TINY) / (tally[1]! + SMALL);
  const brevity = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  return Array.from({ length: ORDERS }, (_, index) => {
    product *= (tally[2 + ORDERS + index]! + TINY) / (tally[2 + index]! + SMALL);
    return product ** (1 / (index + 1)) * brevity;
  });
}
