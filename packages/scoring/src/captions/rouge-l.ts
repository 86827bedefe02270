/**
 * ROUGE-L as coco-caption's rouge.py computes it: the longest common subsequence against each reference, the best
 * precision and the best recall (not necessarily of the same reference), combined with beta = 1.2.
 */
import { mean } from '../score.ts';
import { assertReferences, type CaptionedImage, type CaptionScore } from './captioned-image.ts';

const BETA_SQUARED = 1.2 ** 2;

/** Texts are split at single spaces, as the reference does: an empty text is one empty token. */
export function rougeL(images: readonly CaptionedImage[]): CaptionScore {
  assertReferences(images);
  const numbers = new Map<string, number>();
  const tokensOf = (text: string) =>
    text.split(' ').map((token) => {
      const number = numbers.get(token) ?? numbers.size;
      numbers.set(token, number);
      return number;
    });
  const perImage = images.map(({ hypothesis, references }) => {
    const tokens = tokensOf(hypothesis);
    let precision = 0;
    let recall = 0;
    for (const reference of references) {
      const theirs = tokensOf(reference);
      const length = longestCommonSubsequence(tokens, theirs);
      precision = Math.max(precision, length / tokens.length);
      recall = Math.max(recall, length / theirs.length);
    }
    if (precision === 0 || recall === 0) return 0;
    return ((1 + BETA_SQUARED) * precision * recall) / (recall + BETA_SQUARED * precision);
  });
  return { corpus: mean(perImage), perImage };
}

function longestCommonSubsequence(a: readonly number[], b: readonly number[]): number {
  // One row of the table: of what lies above and to the left of a cell only one number is needed besides.
  const row = new Uint32Array(b.length + 1);
  for (const token of a) {
    let diagonal = 0;
    for (let j = 0; j < b.length; j++) {
      const above = row[j + 1]!;
      row[j + 1] = token === b[j] ? diagonal + 1 : Math.max(above, row[j]!);
      diagonal = above;
    }
  }
  return row[b.length]!;
}
