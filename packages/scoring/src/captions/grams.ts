/** Words and n-grams as small numbers, so that counting and comparing texts costs array accesses. */
import { splitWords } from '../white-space.ts';
import { PairNumbers } from './pair-numbers.ts';

/** The longest n-gram that BLEU and CIDEr-D count. */
export const ORDERS = 4;

/** A text whose n-grams are entries of its table. */
export interface CountedText {
  readonly words: number;
  /** [ORDERS + 1]: the n-grams are the entries from `bounds[n - 1]` to below `bounds[n]`. */
  readonly bounds: readonly number[];
}

/**
 * Numbers n-grams in the order in which it meets them, and keeps those of all texts in two long arrays: each different one of a
 * text, in the order of their first occurrence, and how often it occurs there. (An array for each text would cost more than
 * the counting.)
 */
export class GramTable {
  readonly #words = new Map<string, number>();
  /** From (beginning, last word) to n-gram. */
  readonly #numbers = new PairNumbers();
  #grams = new Int32Array(1 << 16);
  #counts = new Int32Array(1 << 16);
  #entries = 0;
  /** [n-grams]: while a text is counted, its entry there plus one. */
  #place = new Int32Array(1 << 12);
  /** [words]: what the n-grams at each place of the text begin with. */
  #beginnings = new Int32Array(64);

  /** How many different n-grams there are; their numbers are below. */
  get size(): number {
    return this.#numbers.size;
  }

  /** [entries]: the n-gram of each. */
  get grams(): Int32Array {
    return this.#grams.subarray(0, this.#entries);
  }

  /** [entries]: how often it occurs in its text. */
  get counts(): Int32Array {
    return this.#counts.subarray(0, this.#entries);
  }

  count(text: string): CountedText {
    const words = splitWords(text);
    this.#beginnings = grown(this.#beginnings, words.length);
    this.#grams = grown(this.#grams, this.#entries + ORDERS * words.length);
    this.#counts = grown(this.#counts, this.#entries + ORDERS * words.length);
    this.#place = grown(this.#place, this.size + ORDERS * words.length);
    const numbers = words.map((word) => this.#wordNumber(word));
    this.#beginnings.fill(-1, 0, words.length);
    const bounds = [this.#entries];
    for (let order = 0; order < ORDERS; order++) {
      this.#countOrder(numbers, order);
      bounds.push(this.#entries);
    }
    return { words: words.length, bounds };
  }

  #countOrder(words: readonly number[], order: number): void {
    const numbers = this.#numbers;
    const beginnings = this.#beginnings;
    const place = this.#place;
    const grams = this.#grams;
    const counts = this.#counts;
    const start = this.#entries;
    let entries = start;
    for (let at = 0; at + order < words.length; at++) {
      const gram = numbers.numberOf(beginnings[at]!, words[at + order]!);
      beginnings[at] = gram;
      const known = place[gram]!;
      if (known > 0) counts[known - 1]! += 1;
      else {
        grams[entries] = gram;
        counts[entries] = 1;
        place[gram] = ++entries;
      }
    }
    for (let entry = start; entry < entries; entry++) place[grams[entry]!] = 0;
    this.#entries = entries;
  }

  #wordNumber(word: string): number {
    let number = this.#words.get(word);
    if (number === undefined) {
      number = this.#words.size;
      this.#words.set(word, number);
    }
    return number;
  }
}

/** The same array, or a larger one with its content. */
export function grown(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  if (array.length >= size) return array;
  const larger = new Int32Array(Math.max(size, 2 * array.length));
  larger.set(array);
  return larger;
}
