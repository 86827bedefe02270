/** Byte-pair encoding: learning merges from counted words, and applying them. Knows nothing of captions or ids. */

/** Marks the last symbol of a word, as in OpenAI's vocabulary. */
export const WORD_END = '</w>';

export type Merge = readonly [left: string, right: string];

/** Joins all occurrences of the lowest-ranked neighbouring pair until no pair has a rank. `rankOf` takes `"left right"`. */
export function applyMerges(symbols: readonly string[], rankOf: ReadonlyMap<string, number>): string[] {
  let word = [...symbols];
  while (word.length > 1) {
    let best = Number.POSITIVE_INFINITY;
    let at = -1;
    for (let i = 0; i + 1 < word.length; i += 1) {
      const rank = rankOf.get(`${word[i]} ${word[i + 1]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < best) [best, at] = [rank, i];
    }
    if (at < 0) break;
    word = join(word, [word[at] as string, word[at + 1] as string]);
  }
  return word;
}

/**
 * Yields merges, the most frequent pair first; equal counts are decided by code-unit order of the pair, so that the result does
 * not depend on the order of the words. Ends when no pair occurs twice. Each merge scans all distinct pairs once.
 */
export function* learnMerges(wordCounts: ReadonlyMap<string, number>, spell: (word: string) => string[]) {
  const words = [...wordCounts].map(([word, count]) => ({ symbols: spell(word), count }));
  const pairs = new Map<string, { merge: Merge; count: number; words: Set<number> }>();

  const countPairs = (index: number, sign: 1 | -1) => {
    const { symbols, count } = words[index] as (typeof words)[number];
    for (let i = 0; i + 1 < symbols.length; i += 1) {
      const merge: Merge = [symbols[i] as string, symbols[i + 1] as string];
      const key = merge.join(' ');
      const pair = pairs.get(key) ?? { merge, count: 0, words: new Set<number>() };
      pair.count += sign * count;
      pair.words.add(index);
      if (pair.count > 0) pairs.set(key, pair);
      else pairs.delete(key);
    }
  };
  for (const index of words.keys()) countPairs(index, 1);

  for (;;) {
    let best: { key: string; count: number } = { key: '', count: 1 };
    for (const [key, { count }] of pairs)
      if (count > best.count || (count === best.count && count > 1 && key < best.key)) best = { key, count };
    const chosen = pairs.get(best.key);
    if (!chosen) return;
    for (const index of [...chosen.words]) {
      const word = words[index] as (typeof words)[number];
      countPairs(index, -1);
      word.symbols = join(word.symbols, chosen.merge);
      countPairs(index, 1);
    }
    yield chosen.merge;
  }
}

/** Replaces every non-overlapping occurrence of the pair, left to right. */
function join(symbols: readonly string[], [left, right]: Merge): string[] {
  const joined: string[] = [];
  for (let i = 0; i < symbols.length; i += 1) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      joined.push(left + right);
      i += 1;
    } else joined.push(symbols[i] as string);
  }
  return joined;
}
