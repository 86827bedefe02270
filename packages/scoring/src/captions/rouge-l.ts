/**
 * ROUGE-L as coco-caption's rouge.py computes it: the longest common subsequence against each reference, the best
 * precision and the best recall (not necessarily of the same reference), combined with beta = 1.2.
 */
import { assertReferences, type CaptionedImage, type CaptionScore, mean } from './captioned-image.ts';

const BETA_SQUARED = 1.2 ** 2;

/** Texts are split at single spaces, as the reference does: an empty text is one empty token. */
export function rougeL(images: readonly CaptionedImage[]): CaptionScore {
  assertReferences(images);
  const perImage = images.map(({ hypothesis, references }) => {
    const tokens = hypothesis.split(' ');
    const common = references.map((reference) => {
      const theirs = reference.split(' ');
      const length = longestCommonSubsequence(tokens, theirs);
      return { precision: length / tokens.length, recall: length / theirs.length };
    });
    const precision = Math.max(...common.map((value) => value.precision));
    const recall = Math.max(...common.map((value) => value.recall));
    if (precision === 0 || recall === 0) return 0;
    return ((1 + BETA_SQUARED) * precision * recall) / (recall + BETA_SQUARED * precision);
  });
  return { corpus: mean(perImage), perImage };
}

function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let previous = new Uint32Array(b.length + 1);
  for (const token of a) {
    const current = new Uint32Array(b.length + 1);
    for (let j = 0; j < b.length; j++)
      current[j + 1] = token === b[j] ? previous[j]! + 1 : Math.max(previous[j + 1]!, current[j]!);
    previous = current;
  }
  return previous[b.length]!;
}
