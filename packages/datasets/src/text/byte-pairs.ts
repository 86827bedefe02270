/** Byte-pair encoding: learning merges from counted words, and applying them. Knows nothing of captions or ids. */

import { NumberHeap } from './number-heap.ts';

/** Marks the last symbol of a word, as in OpenAI's vocabulary. */
export const WORD_END = '</w>';

export type Merge = readonly [left: string, right: string];

/** Words longer than this are learnt from in parts: a merge looks through every word that has its pair, from end to end. */
const LONGEST_LEARNT = 64;

/**
 * Joins all occurrences of the lowest-ranked neighbouring pair, from left to right, until no pair has a rank. `rankOf` takes
 * `"left right"`. Time n log n for n symbols.
 */
export function applyMerges(symbols: readonly string[], rankOf: ReadonlyMap<string, number>): string[] {
  const word: (string | undefined)[] = [...symbols];
  const count = word.length;
  const next = word.map((_, i) => i + 1);
  const previous = word.map((_, i) => i - 1);
  // A pair waits as rank * count + position: smallest first is lowest rank first, then from left to right.
  const waiting = new NumberHeap();
  const rankAt = (i: number) => rankOf.get(`${word[i]} ${word[next[i] as number]}`);
  const wait = (i: number) => {
    const rank = i >= 0 && (next[i] as number) < count ? rankAt(i) : undefined;
    if (rank !== undefined) waiting.push(rank * count + i);
  };
  for (let i = 0; i < count; i += 1) wait(i);

  while (waiting.smallest !== undefined) {
    const rank = Math.floor(waiting.smallest / count);
    const positions: number[] = [];
    while (waiting.smallest !== undefined && waiting.smallest < (rank + 1) * count)
      positions.push((waiting.pop() as number) - rank * count);
    for (const i of positions) {
      const right = next[i] as number;
      // The pair may be gone: one of its symbols was joined to another in the meantime.
      if (word[i] === undefined || right >= count || rankAt(i) !== rank) continue;
      word[i] = `${word[i]}${word[right]}`;
      word[right] = undefined;
      next[i] = next[right] as number;
      if ((next[i] as number) < count) previous[next[i] as number] = i;
      wait(previous[i] as number);
      wait(i);
    }
  }
  return word.filter((symbol) => symbol !== undefined);
}

/**
 * Yields merges, the most frequent pair first; equal counts are decided by code-unit order of the pair, so that the result does
 * not depend on the order of the words. Ends when no pair occurs twice. Each merge scans all distinct pairs once.
 */
export function* learnMerges(wordCounts: ReadonlyMap<string, number>, spell: (word: string) => string[]) {
  const words = [...wordCounts].flatMap(([word, count]) =>
    parts(spell(word)).map((symbols) => ({ symbols, count })),
  );
  const pairs = new Map<string, { merge: Merge; count: number; words: Set<number> }>();

  const count = (index: number, left: number, sign: 1 | -1) => {
    const { symbols, count: times } = words[index] as (typeof words)[number];
    if (left < 0 || left + 1 >= symbols.length) return;
    const merge: Merge = [symbols[left] as string, symbols[left + 1] as string];
    const key = merge.join(' ');
    const pair = pairs.get(key) ?? { merge, count: 0, words: new Set<number>() };
    pair.count += sign * times;
    pair.words.add(index);
    if (pair.count > 0) pairs.set(key, pair);
    else pairs.delete(key);
  };
  for (const [index, { symbols }] of words.entries())
    for (let left = 0; left + 1 < symbols.length; left += 1) count(index, left, 1);

  for (;;) {
    let best: { key: string; count: number } = { key: '', count: 1 };
    for (const [key, { count }] of pairs)
      if (count > best.count || (count === best.count && count > 1 && key < best.key)) best = { key, count };
    const chosen = pairs.get(best.key);
    if (!chosen) return;
    for (const index of [...chosen.words]) {
      const word = words[index] as (typeof words)[number];
      const { symbols, at } = join(word.symbols, chosen.merge);
      // Only pairs beside a joined symbol change. The n-th one lay n symbols further right before.
      for (const left of around(at, (position, n) => [position + n - 1, position + n + 1]))
        count(index, left, -1);
      word.symbols = symbols;
      for (const left of around(at, (position) => [position - 1, position])) count(index, left, 1);
    }
    yield chosen.merge;
  }
}

const parts = (symbols: string[]): string[][] =>
  Array.from({ length: Math.ceil(symbols.length / LONGEST_LEARNT) }, (_, n) =>
    symbols.slice(n * LONGEST_LEARNT, (n + 1) * LONGEST_LEARNT),
  );

/** Every position in the ranges, once; the ranges ascend and may overlap. */
function* around(at: readonly number[], range: (position: number, n: number) => readonly [number, number]) {
  let done = Number.NEGATIVE_INFINITY;
  for (const [n, position] of at.entries()) {
    const [first, last] = range(position, n);
    for (let i = Math.max(first, done + 1); i <= last; i += 1) yield i;
    done = last;
  }
}

/** Replaces every non-overlapping occurrence of the pair, left to right; `at`: where the joined symbols are. */
function join(symbols: readonly string[], [left, right]: Merge): { symbols: string[]; at: number[] } {
  const joined: string[] = [];
  const at: number[] = [];
  for (let i = 0; i < symbols.length; i += 1) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      at.push(joined.push(left + right) - 1);
      i += 1;
    } else joined.push(symbols[i] as string);
  }
  return { symbols: joined, at };
}
