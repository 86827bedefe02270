import { expect, test } from 'vitest';
import { expected, floats, integers } from '../testing/reference.ts';
import { classified, zeroShot, zeroShotStatistics } from './zero-shot.ts';

const valuesOf = (scores: readonly { metric: string; value: number }[]) =>
  Object.fromEntries(scores.map(({ metric, value }) => [metric, value]));

test('equals CLIP_benchmark and scikit-learn; a class without samples does not count', () => {
  const scores = zeroShot({ scores: floats('logits'), classes: 12, labels: integers('labels') });
  const { acc1, acc5, mean_per_class_recall } = expected.classification;
  const values = valuesOf(scores);
  expect(values['accuracy@1']).toBeCloseTo(acc1, 12);
  expect(values['accuracy@5']).toBeCloseTo(acc5, 12);
  expect(values['mean_per_class_recall']).toBeCloseTo(mean_per_class_recall, 12);
  expect(scores[0]?.chance).toBe(1 / 12);
});

test('with three classes there is no top-5', () => {
  const values = valuesOf(
    zeroShot({ scores: floats('logits_3_classes'), classes: 3, labels: integers('labels_3_classes') }),
  );
  expect(Object.keys(values)).toEqual(['accuracy@1', 'mean_per_class_recall']);
  expect(values['accuracy@1']).toBeCloseTo(expected.classification_3_classes.acc1, 12);
});

test('a matrix of the wrong size is a bug of the caller', () => {
  expect(() => zeroShot({ scores: new Float32Array(5), classes: 2, labels: new Int32Array(2) })).toThrow(
    /\[2, 2\]/,
  );
});

test('with five classes top-5 is 1, as in the reference', () => {
  const scores = zeroShot({ scores: Float32Array.of(1, 2, 3, 4, 5), classes: 5, labels: Int32Array.of(0) });
  expect(valuesOf(scores)).toMatchObject({ 'accuracy@1': 0, 'accuracy@5': 1 });
});

test('who was taken for whom: rows are the truth; of equal scores the lower class comes first', () => {
  const input = {
    scores: Float32Array.of(2, 1, 0, 0, 3, 3, 1, 0, 2, Number.NaN, Number.NaN, Number.NaN),
    classes: 3,
    labels: Int32Array.of(0, 2, 2, 1),
  };
  const { ranks, predicted, confusion } = classified(input);
  expect([...ranks]).toEqual([0, 1, 0, 3]);
  expect([...predicted]).toEqual([0, 1, 2, -1]);
  expect([...confusion]).toEqual([1, 0, 0, 0, 0, 0, 0, 1, 1]);
  // Class 1 has its one sample twice, class 0 none: (0 + 1/2) / 2.
  const recall = zeroShotStatistics(input, classified(input)).find(({ metric }) => metric.startsWith('mean'));
  expect(recall!.of([0, 1, 1, 2])).toBe(1 / 4);
});

test('a label that is no class is refused, not counted as a hit', () => {
  expect(() => zeroShot({ scores: new Float32Array(3), classes: 3, labels: Int32Array.of(3) })).toThrow(
    /label 3 of sample 0/,
  );
});
