import { expect, test } from 'vitest';
import { expected, floats, integers } from '../testing/reference.ts';
import { zeroShot } from './zero-shot.ts';

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
