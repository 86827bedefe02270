import { expect, test } from 'vitest';
import { formatDifference, formatScore } from './format.ts';

test('a ratio is a percentage, a number is not', () => {
  expect(formatScore(0.9534, { unit: 'ratio' })).toBe('95.3 %');
  expect(formatScore(1.12, { unit: 'number' })).toBe('1.120');
  expect(formatScore(undefined, { unit: 'ratio' })).toBe('-');
  expect(formatScore(Number.NaN, { unit: 'number', absent: '–' })).toBe('–');
});

test('a difference has a sign, and of ratios it is in percentage points', () => {
  expect(formatDifference(0.0123, { unit: 'ratio' })).toBe('+1.23 pp');
  expect(formatDifference(-0.5, { unit: 'number' })).toBe('-0.500');
  expect(formatDifference(0, { unit: 'ratio' })).toBe('+0.00 pp');
});
