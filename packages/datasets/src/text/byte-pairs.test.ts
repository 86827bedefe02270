import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyMerges, learnMerges } from './byte-pairs.ts';

/** What byte-pair encoding says, word for word: again and again, the lowest rank everywhere. */
function naive(symbols: readonly string[], rankOf: ReadonlyMap<string, number>): string[] {
  let word = [...symbols];
  for (;;) {
    const ranks = word
      .slice(1)
      .map((right, i) => rankOf.get(`${word[i]} ${right}`) ?? Number.POSITIVE_INFINITY);
    const best = Math.min(...ranks);
    const at = ranks.indexOf(best);
    if (!Number.isFinite(best)) return word;
    const [left, right] = [word[at], word[at + 1]];
    const joined: string[] = [];
    for (let i = 0; i < word.length; i += 1)
      if (word[i] === left && word[i + 1] === right) {
        joined.push(`${left}${right}`);
        i += 1;
      } else joined.push(word[i] as string);
    word = joined;
  }
}

test('merges are applied as the naive twin applies them, to any vocabulary', () => {
  const symbol = fc.constantFrom('a', 'b', 'c');
  const token = fc.stringMatching(/^[abc]{1,3}$/);
  fc.assert(
    fc.property(
      fc.array(symbol, { maxLength: 40 }),
      fc.array(fc.tuple(token, token), { maxLength: 12 }),
      (word, merges) => {
        const rankOf = new Map(merges.map((merge, rank) => [merge.join(' '), rank]));
        expect(applyMerges(word, rankOf)).toEqual(naive(word, rankOf));
      },
    ),
    { numRuns: 2000, seed: 1 },
  );
});

/** Counts all pairs anew for every merge. */
function naiveMerges(counts: ReadonlyMap<string, number>, atMost: number): string[] {
  let words = [...counts].map(([word, times]) => ({ symbols: [...word], times }));
  const merges: string[] = [];
  while (merges.length < atMost) {
    const pairs = new Map<string, number>();
    for (const { symbols, times } of words)
      for (let i = 0; i + 1 < symbols.length; i += 1) {
        const key = `${symbols[i]} ${symbols[i + 1]}`;
        pairs.set(key, (pairs.get(key) ?? 0) + times);
      }
    const most = Math.max(1, ...pairs.values());
    const best = [...pairs.keys()].filter((key) => pairs.get(key) === most).sort()[0];
    if (most < 2 || best === undefined) break;
    merges.push(best);
    words = words.map(({ symbols, times }) => ({ symbols: naive(symbols, new Map([[best, 0]])), times }));
  }
  return merges;
}

test('merges are learnt as the naive twin learns them', () => {
  const word = fc.stringMatching(/^[ab]{1,12}$|^[abc]{1,20}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(word, fc.integer({ min: 1, max: 4 })), { maxLength: 8 }), (entries) => {
      const counts = new Map(entries);
      const merges: string[] = [];
      for (const merge of learnMerges(counts, (text) => [...text]))
        if (merges.push(merge.join(' ')) === 30) break;
      expect(merges).toEqual(naiveMerges(counts, 30));
    }),
    { numRuns: 500, seed: 1 },
  );
});

test('a word of 100,000 letters is learnt from and cut in time', () => {
  // A linear congruential generator: no period within the word.
  let state = 1;
  const letters = Array.from({ length: 100_000 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 'abcdefgh'[state >>> 29] as string;
  });
  const merges: string[] = [];
  for (const merge of learnMerges(new Map([[letters.join(''), 1]]), (word) => [...word])) {
    merges.push(merge.join(' '));
    if (merges.length === 300) break;
  }
  expect(merges).toHaveLength(300);
  const tokens = applyMerges(letters, new Map(merges.map((merge, rank) => [merge, rank])));
  expect(tokens.join('')).toBe(letters.join(''));
  expect(tokens.length).toBeLessThan(50_000);
});
