/** Counted n-grams of a text. */
import { splitWords } from '../white-space.ts';

/** The longest n-gram that BLEU and CIDEr-D count. */
export const ORDERS = 4;

export interface Ngrams {
  readonly words: number;
  /** For n = 1 to 4, at index n - 1: how often each n-gram occurs, by its words with a space between them. */
  readonly counts: readonly ReadonlyMap<string, number>[];
}

export function ngrams(text: string): Ngrams {
  const words = splitWords(text);
  const counts = Array.from({ length: ORDERS }, (_, index) => {
    const count = new Map<string, number>();
    for (let start = 0; start + index < words.length; start++) {
      const gram = words.slice(start, start + index + 1).join(' ');
      count.set(gram, (count.get(gram) ?? 0) + 1);
    }
    return count;
  });
  return { words: words.length, counts };
}
