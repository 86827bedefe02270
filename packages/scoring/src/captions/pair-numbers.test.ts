import { expect, test } from 'vitest';
import { draws } from '../testing/draws.ts';
import { PairNumbers } from './pair-numbers.ts';

test('numbers pairs as a map would, through several growths', () => {
  const random = draws(31);
  const numbers = new PairNumbers();
  const map = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const [first, second] = [random.integer(300) - 1, random.integer(100)];
    const key = `${first},${second}`;
    const wanted = map.get(key) ?? map.size;
    map.set(key, wanted);
    if (numbers.numberOf(first, second) !== wanted) throw new Error(`${key}: another number`);
  }
  expect(numbers.size).toBe(map.size);
  expect(map.size).toBeGreaterThan(10_000);
});
