import { expect, test } from 'vitest';
import { expected, floats, integers } from '../testing/reference.ts';
import { averagePrecision, averagePrecisionStatistic } from './average-precision.ts';

test('equals CLIP_benchmark', () => {
  const { perClass, mean } = averagePrecision({
    scores: floats('multilabel_scores'),
    classes: 6,
    targets: integers('multilabel_targets'),
  });
  // Float32 sums there.
  for (const [label, value] of perClass.entries())
    expect(value).toBeCloseTo(expected.multilabel.average_precision[label], 6);
  expect(mean).toBeCloseTo(expected.multilabel.mean_average_precision, 6);
});

test('by hand: positives at ranks 1 and 3 give (1 + 2/3) / 2, and a label that never holds gives 0', () => {
  const { perClass, mean } = averagePrecision({
    scores: Float32Array.of(3, 0, 2, 0, 1, 0),
    classes: 2,
    targets: Int32Array.of(1, 0, 0, 0, 1, 0),
  });
  expect(perClass[0]).toBeCloseTo(5 / 6, 12);
  expect(perClass[1]).toBe(0);
  expect(mean).toBeCloseTo(5 / 12, 12);
});

test('a matrix of the wrong size is a bug of the caller', () => {
  expect(() =>
    averagePrecision({ scores: new Float32Array(5), classes: 2, targets: new Int32Array(5) }),
  ).toThrow(/\[samples, 2\]/);
});

test('a sample that is drawn twice stands at two ranks', () => {
  const input = { scores: Float32Array.of(3, 2, 1), classes: 1, targets: Int32Array.of(1, 0, 1) };
  const twice = { scores: Float32Array.of(3, 2, 2, 1), classes: 1, targets: Int32Array.of(1, 0, 0, 1) };
  const statistic = averagePrecisionStatistic(input);
  expect(statistic.of([1, 2, 1])).toBe(averagePrecision(twice).mean);
  expect(statistic.of([1, 1, 1])).toBe(statistic.value);
  expect(statistic.of([0, 1, 1])).toBe(1 / 2);
});
