import { expect, it } from 'vitest';
import { sharedVector } from './shard-accumulator.ts';
import { addInto, addPair } from './vector-sum.ts';

it.each([0, 1, 3, 4, 7, 100])('adds %i elements, rounding each once to float32', (length) => {
  const left = sharedVector(length).map((_, index) => 1 + index);
  const right = new Float32Array(length).fill(2 ** -24);
  const target = new Float32Array(length);
  addPair({ target, left, right });
  // 1 + 2^-24 lies halfway between two floats and goes to the even one, 1; beside larger numbers it is less than half.
  expect([...target]).toEqual([...left]);
  addInto(target, target);
  expect([...target]).toEqual(Array.from({ length }, (_, index) => 2 * (1 + index)));
});

it('refuses vectors of different lengths', () => {
  expect(() => addInto(new Float32Array(2), new Float32Array(3))).toThrow(/different lengths/);
});
