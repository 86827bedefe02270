/**
 * BLEU-1 to BLEU-4 as coco-caption's bleu_scorer.py computes them: counts clipped by the reference that has most, the
 * length of the closest reference (of two, the shorter), and 1e-15 / 1e-9 where others smooth or divide by zero.
 */
import {
  type CaptionedImage,
  type CaptionScore,
  type CountedImage,
  type CountedImages,
  countedImages,
} from './captioned-image.ts';
import { ORDERS } from './grams.ts';

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
  const most = new Int32Array(table.size);
  return images.map((image) => tally(image, most));
}

/** `most` [n-grams] is zero before and after. */
function tally({ hypothesis, references }: CountedImage, most: Int32Array): BleuTally {
  const tally = new Float64Array(TALLY_LENGTH);
  tally[0] = hypothesis.words;
  tally[1] = closest(
    hypothesis.words,
    references.map(({ words }) => words),
  );
  for (const [index, own] of hypothesis.orders.entries()) {
    tally[2 + index] = Math.max(0, hypothesis.words - index);
    for (const { orders } of references) {
      const { grams, counts } = orders[index]!;
      for (let i = 0; i < grams.length; i++) if (counts[i]! > most[grams[i]!]!) most[grams[i]!] = counts[i]!;
    }
    let correct = 0;
    for (let i = 0; i < own.grams.length; i++) correct += Math.min(own.counts[i]!, most[own.grams[i]!]!);
    tally[2 + ORDERS + index] = correct;
    for (const { orders } of references) for (const gram of orders[index]!.grams) most[gram] = 0;
  }
  return tally;
}

const closest = (length: number, lengths: readonly number[]): number =>
  lengths.reduce((best, candidate) => {
    const nearer = Math.abs(candidate - length) - Math.abs(best - length);
    return nearer < 0 || (nearer === 0 && candidate < best) ? candidate : best;
  });

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
