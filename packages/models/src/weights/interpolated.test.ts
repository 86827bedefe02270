import { expect, test } from 'vitest';
import { interpolated } from './interpolated.ts';

const [from, to] = [Float32Array.of(-0, 1, 0.1, 2), Float32Array.of(3, -0, 0.3, 2)];

test('the ends are the two models, signs of zeros and all', () => {
  expect(interpolated(0, from, to)).toEqual(from);
  expect(Object.is(interpolated(0, from, to)[0], -0)).toBe(true);
  expect(Object.is(interpolated(1, from, to)[1], -0)).toBe(true);
  expect(interpolated(1, from, to)).toEqual(to);
});

test('between them each weight moves in proportion', () => {
  expect([...interpolated(0.25, from, to)]).toEqual([0.75, 0.75, Math.fround(0.15), 2]);
  expect(interpolated(0.5, to, to)).toEqual(to);
});
