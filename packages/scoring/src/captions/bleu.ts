/**
 * BLEU-1 to BLEU-4 as coco-caption's bleu_scorer.py computes them: counts clipped by the reference that has most, the
 * length of the closest reference (of two, the shorter), and 1e-15 / 1e-9 where others smooth or divide by zero.
 */
import { assertReferences, type CaptionedImage, type CaptionScore } from './captioned-image.ts';
import { ngrams, ORDERS } from './ngrams.ts';

const TINY = 1e-15;
const SMALL = 1e-9;

/** What BLEU adds up over images. */
interface Tally {
  hypothesisWords: number;
  referenceWords: number;
  /** For each order, at index n - 1. */
  readonly guesses: number[];
  readonly correct: number[];
}

/** BLEU-n at index n - 1. The corpus' figure comes from the summed counts; it is not the mean over the images. */
export function bleu(images: readonly CaptionedImage[]): CaptionScore[] {
  assertReferences(images);
  const tallies = images.map(tally);
  const perImage = tallies.map(bleuOf);
  const corpus = bleuOf(tallies.reduce(added));
  return corpus.map((value, order) => ({
    corpus: value,
    perImage: perImage.map((values) => values[order]!),
  }));
}

function tally({ hypothesis, references }: CaptionedImage): Tally {
  const own = ngrams(hypothesis);
  const theirs = references.map(ngrams);
  return {
    hypothesisWords: own.words,
    referenceWords: closest(
      own.words,
      theirs.map(({ words }) => words),
    ),
    guesses: own.counts.map((_, index) => Math.max(0, own.words - index)),
    correct: own.counts.map((counts, index) => {
      let correct = 0;
      for (const [gram, count] of counts)
        correct += Math.min(count, Math.max(...theirs.map((other) => other.counts[index]!.get(gram) ?? 0)));
      return correct;
    }),
  };
}

const closest = (length: number, lengths: readonly number[]): number =>
  lengths.reduce((best, candidate) => {
    const nearer = Math.abs(candidate - length) - Math.abs(best - length);
    return nearer < 0 || (nearer === 0 && candidate < best) ? candidate : best;
  });

const added = (a: Tally, b: Tally): Tally => ({
  hypothesisWords: a.hypothesisWords + b.hypothesisWords,
  referenceWords: a.referenceWords + b.referenceWords,
  guesses: a.guesses.map((count, index) => count + b.guesses[index]!),
  correct: a.correct.map((count, index) => count + b.correct[index]!),
});

function bleuOf({ hypothesisWords, referenceWords, guesses, correct }: Tally): number[] {
  const ratio = (hypothesisWords + TINY) / (referenceWords + SMALL);
  const brevity = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  return Array.from({ length: ORDERS }, (_, index) => {
    product *= (correct[index]! + TINY) / (guesses[index]! + SMALL);
    return product ** (1 / (index + 1)) * brevity;
  });
}
