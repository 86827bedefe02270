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
  const row: number[] = [];
  const perImage = images.map(({ hypothesis, references }) => {
    const tokens = tokenNumbers(hypothesis, numbers);
    let precision = 0;
    let recall = 0;
    for (const reference of references) {
      const theirs = tokenNumbers(reference, numbers);
      const length = longestCommonSubsequence(tokens, theirs, row);
      precision = Math.max(precision, length / tokens.length);
      recall = Math.max(recall, length / theirs.length);
    }
    if (precision === 0 || recall === 0) return 0;
    return ((1 + BETA_SQUARED) * precision * recall) / (recall + BETA_SQUARED * precision);
  });
  return { corpus: mean(perImage), perImage };
}

function tokenNumbers(text: string, numbers: Map<string, number>): number[] {
  return text.split(' ').map((token) => {
    let number = numbers.get(token);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(token, number);
    }
    return number;
  });
}

/** `row` is room for one row of the table: of what lies above and to the left of a cell only one number is needed besides. */
function longestCommonSubsequence(a: readonly number[], b: readonly number[], row: number[]): number {
  for (let j = 0; j <= b.length; j++) row[j] = 0;
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
