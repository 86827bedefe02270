/** Which tokens may be drawn and how often, in numbers that are written out. */
import { expect, test } from 'vitest';
import { chooserOf, distributionOf } from './token-choice.ts';

/** Logits of tokens with these probabilities. */
const logitsOf = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);
const drawn = (...parameters: Parameters<typeof distributionOf>) => {
  const { tokens, weights, total } = distributionOf(...parameters);
  return new Map(Array.from(tokens, (token, i) => [token, weights[i]! / total]));
};

test('without filters every token is as probable as the softmax says', () => {
  const probabilities = drawn(logitsOf(0.1, 0.6, 0.3), {});
  expect(probabilities.get(0)).toBeCloseTo(0.1, 6);
  expect(probabilities.get(1)).toBeCloseTo(0.6, 6);
});

test('a temperature of one half squares the odds', () => {
  // 1 : 9 becomes 1 : 81.
  expect(drawn(logitsOf(0.1, 0.9), { temperature: 0.5 }).get(0)).toBeCloseTo(1 / 82, 6);
});

test('top-k keeps the most probable, and what equals the last of them', () => {
  const logits = logitsOf(0.1, 0.3, 0.2, 0.2, 0.2);
  expect([...drawn(logits, { topK: 1 })]).toEqual([[1, 1]]);
  expect([...drawn(logits, { topK: 2 }).keys()]).toEqual([1, 2, 3, 4]);
  expect(drawn(logits, { topK: 9 }).size).toBe(5);
});

test('top-p keeps the fewest tokens that reach it, at least one', () => {
  const logits = logitsOf(0.1, 0.4, 0.2, 0.3);
  expect([...drawn(logits, { topP: 1e-9 }).keys()]).toEqual([1]);
  expect([...drawn(logits, { topP: 0.39 }).keys()]).toEqual([1]);
  expect([...drawn(logits, { topP: 0.41 }).keys()]).toEqual([1, 3]);
  expect([...drawn(logits, { topP: 0.69 }).keys()]).toEqual([1, 3]);
  expect([...drawn(logits, { topP: 0.91 }).keys()]).toEqual([1, 3, 2, 0]);
  expect(drawn(logits, { topP: 1 }).size).toBe(4);
  expect(drawn(logits, { topP: 0.41 }).get(1)).toBeCloseTo(4 / 7, 6);
});

test('top-p counts what top-k left: 0.4 of 0.7 is enough for one half', () => {
  expect([...drawn(logitsOf(0.1, 0.4, 0.2, 0.3), { topK: 2, topP: 0.5 }).keys()]).toEqual([1]);
});

test('top-p finds its tokens in a long flat tail too', () => {
  const logits = new Float32Array(1000).fill(-12);
  logits[500] = 0;
  // One token of weight 1 and 999 of e^-12 = 6.144e-6, 1.006138 in all; (0.999 * 1.006138 - 1) / 6.144e-6 = 835.3.
  expect(drawn(logits, { topP: 0.99 }).size).toBe(1);
  expect(drawn(logits, { topP: 0.999 }).size).toBe(1 + 836);
});

test('a draw with a tiny top-p is greedy', () => {
  const logits = Float32Array.of(0.3, 2, 1.9, -1, 2);
  expect(chooserOf({ kind: 'sample', seed: 1, topP: 1e-12 }, 0)(logits)).toBe(1);
  expect(chooserOf({ kind: 'greedy' }, 0)(logits)).toBe(1);
});

test('tokens come as often as they are probable', () => {
  const probabilities = [0.05, 0.3, 0.15, 0.35, 0.1, 0.05];
  const choose = chooserOf({ kind: 'sample', seed: 11 }, 0);
  const counts = new Array<number>(probabilities.length).fill(0);
  const draws = 20_000;
  for (let i = 0; i < draws; i++) counts[choose(logitsOf(...probabilities))]!++;
  const chiSquare = probabilities.reduce((sum, p, i) => sum + (counts[i]! - draws * p) ** 2 / (draws * p), 0);
  // Five degrees of freedom: above 15.1 once in a hundred seeds.
  expect(chiSquare).toBeLessThan(15.1);
});

test('the same seed draws the same, another sequence something else', () => {
  const draw = (seed: number, sequence: number) => {
    const choose = chooserOf({ kind: 'sample', seed }, sequence);
    return Array.from({ length: 30 }, () => choose(new Float32Array(50)));
  };
  expect(draw(3, 0)).toEqual(draw(3, 0));
  expect(draw(3, 0)).not.toEqual(draw(3, 1));
  expect(draw(3, 0)).not.toEqual(draw(4, 0));
});

test('logits that are not numbers are refused', () => {
  const nothing = new Float32Array(4).fill(Number.NaN);
  const partly = Float32Array.of(1, Number.NaN);
  expect(() => chooserOf({ kind: 'greedy' }, 0)(nothing)).toThrow('are not numbers');
  expect(() => chooserOf({ kind: 'sample', seed: 1 }, 0)(partly)).toThrow('are not numbers');
});
