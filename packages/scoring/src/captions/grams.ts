/** Words and n-grams as small numbers, so that counting and comparing texts costs array accesses. */
import { splitWords } from '../white-space.ts';

/** The longest n-gram that BLEU and CIDEr-D count. */
export const ORDERS = 4;

/** Words per table: an n-gram's key is its beginning times this, plus its last word. */
const MOST_WORDS = 2 ** 24;

/** The n-grams of one length in a text: each different one, in the order of their first occurrence, and how often it occurs. */
export interface GramCounts {
  readonly grams: Int32Array;
  readonly counts: Int32Array;
}

export interface CountedText {
  readonly words: number;
  /** For n = 1 to 4, at index n - 1. */
  readonly orders: readonly GramCounts[];
}

/** Numbers n-grams in the order in which it meets them. */
export class GramTable {
  readonly #words = new Map<string, number>();
  /** From (beginning, last word) to n-gram. */
  readonly #grams = new Map<number, number>();
  /** [n-grams]: while a text is counted, where it stands in the counts, plus one. */
  #place = new Int32Array(1024);

  /** How many different n-grams there are; their numbers are below. */
  get size(): number {
    return this.#grams.size;
  }

  count(text: string): CountedText {
    const words = splitWords(text).map((word) => this.#wordNumber(word));
    const orders: GramCounts[] = [];
    // What each n-gram begins with: the (n-1)-gram at the same place.
    let beginnings = new Int32Array(words.length).fill(-1);
    for (let order = 0; order < ORDERS; order++) {
      const length = Math.max(0, words.length - order);
      const grams = new Int32Array(length);
      for (let at = 0; at < length; at++) grams[at] = this.#gramNumber(beginnings[at]!, words[at + order]!);
      orders.push(this.#counted(grams));
      beginnings = grams;
    }
    return { words: words.length, orders };
  }

  #wordNumber(word: string): number {
    const known = this.#words.get(word);
    if (known !== undefined) return known;
    const number = this.#words.size;
    if (number >= MOST_WORDS) throw new RangeError(`more than ${MOST_WORDS} different words`);
    this.#words.set(word, number);
    return number;
  }

  #gramNumber(beginning: number, last: number): number {
    const key = (beginning + 1) * MOST_WORDS + last;
    const known = this.#grams.get(key);
    if (known !== undefined) return known;
    const number = this.#grams.size;
    this.#grams.set(key, number);
    return number;
  }

  #counted(occurrences: Int32Array): GramCounts {
    this.#place = grown(this.#place, this.size);
    const place = this.#place;
    const grams = new Int32Array(occurrences.length);
    const counts = new Int32Array(occurrences.length);
    let different = 0;
    for (const gram of occurrences) {
      const known = place[gram]!;
      if (known > 0) counts[known - 1]! += 1;
      else {
        grams[different] = gram;
        counts[different] = 1;
        place[gram] = ++different;
      }
    }
    for (let i = 0; i < different; i++) place[grams[i]!] = 0;
    return { grams: grams.subarray(0, different), counts: counts.subarray(0, different) };
  }
}

/** The same array, or a larger one with its content. */
export function grown(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  if (array.length >= size) return array;
  const larger = new Int32Array(Math.max(size, 2 * array.length));
  larger.set(array);
  return larger;
}
