import { expect, test } from 'vitest';
import { compare } from './comparison.ts';

const tolerance = { relative: 0.1, absolute: 0.01 };

test('the largest difference against the largest number', () => {
  // 0.4 of 4 allows 0.4 + 0.01; the small element is off by a lot of itself, and by little of the large one.
  const { largestAbsolute, largestRelative, allowed, within } = compare([4, 0.3], [4, 0.1], tolerance);
  expect(largestAbsolute).toBeCloseTo(0.2, 12);
  expect(largestRelative).toBeCloseTo(0.05, 12);
  expect(allowed).toBeCloseTo(0.41, 12);
  expect(within).toBe(true);
  expect(compare([4.5, 0.1], [4, 0.1], tolerance).within).toBe(false);
});

test('where zeros are expected, the absolute tolerance decides', () => {
  expect(compare([0.01], [0], tolerance)).toMatchObject({ within: true, largestRelative: Infinity });
  expect(compare([0.011], [0], tolerance).within).toBe(false);
  expect(compare([0], [0], tolerance)).toMatchObject({ within: true, largestRelative: 0 });
});

test('numbers that are missing, too many, or none are never within', () => {
  for (const [actual, expected] of [
    [[1], [1, 2]],
    [[1, 2], [1]],
    [[Number.NaN], [1]],
    [[1], [Number.NaN]],
    [[Infinity], [1]],
  ] as const)
    expect(compare(actual, expected, { relative: 1e9, absolute: 1e9 }).within).toBe(false);
  expect(compare([Number.NaN, -Infinity], [Number.NaN, -Infinity], tolerance).within).toBe(true);
});
