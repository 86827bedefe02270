import { expect, test } from 'vitest';
import { randomStream } from './random-stream.ts';

const draw = (...key: [number, ...(string | number)[]]) => {
  const stream = randomStream(...key);
  return Array.from({ length: 4 }, () => stream.uniform());
};

test('a stream is its key', () => {
  expect(draw(1, 'shuffle', 2)).toEqual(draw(1, 'shuffle', 2));
  expect(draw(1, 'shuffle', 2)).not.toEqual(draw(1, 'shuffle', 3));
  expect(draw(1, 'ab', 'c')).not.toEqual(draw(1, 'a', 'bc'));
});

test('uniform numbers fill [0, 1) evenly', () => {
  const stream = randomStream(7, 'test');
  const numbers = Array.from({ length: 20_000 }, () => stream.uniform());
  expect(numbers.every((x) => x >= 0 && x < 1)).toBe(true);
  // The mean of n uniforms has standard deviation 1/sqrt(12 n) = 0.002.
  expect(Math.abs(numbers.reduce((a, b) => a + b) / 20_000 - 0.5)).toBeLessThan(0.01);
  const tenth = numbers.filter((x) => x < 0.1).length;
  expect(Math.abs(tenth - 2000)).toBeLessThan(212);
});
