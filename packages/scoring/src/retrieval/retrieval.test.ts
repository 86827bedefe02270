import { expect, test } from 'vitest';
import { expected, floats, integers } from '../testing/reference.ts';
import { retrieval } from './retrieval.ts';
import { matrixRows, similarities, similarityRows } from './similarity.ts';

const imageOfText = integers('text_image_index');

const valuesOf = (scores: Float32Array) =>
  Object.fromEntries(
    retrieval({ scores: matrixRows(scores, 40), imageOfText }).map(({ metric, value }) => [metric, value]),
  );

function expectClose(actual: Record<string, number>, wanted: Record<string, number>) {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(wanted).sort());
  for (const [metric, value] of Object.entries(wanted)) expect(actual[metric], metric).toBeCloseTo(value, 6);
}

test('equals CLIP_benchmark on a score matrix', () => {
  expectClose(valuesOf(floats('scores')), expected.retrieval_scores);
});

test('equals CLIP_benchmark on features', () => {
  const unit = (features: Float32Array) =>
    features.map((value, i) => {
      const row = features.subarray(i - (i % 16), i - (i % 16) + 16);
      return value / Math.hypot(...row);
    });
  const scores = similarities(unit(floats('text_features')), unit(floats('image_features')), 16);
  expectClose(valuesOf(scores), expected.retrieval_from_features);
});

test('of equal scores the lower index comes first', () => {
  const bounds = expected.bounds_scores_with_ties as Record<string, { lowerIndexFirst: number }>;
  const wanted = Object.entries(bounds).map(([metric, { lowerIndexFirst }]) => [metric, lowerIndexFirst]);
  expectClose(valuesOf(floats('scores_with_ties')), Object.fromEntries(wanted));
});

test('chance: 2 of 4 texts belong to each image', () => {
  const scores = retrieval({
    scores: matrixRows(new Float32Array(8), 2),
    imageOfText: Int32Array.of(0, 0, 1, 1),
  });
  const chance = Object.fromEntries(scores.map((score) => [score.metric, score.chance]));
  expect(chance['image_retrieval_recall@1']).toBe(1 / 2);
  expect(chance['text_retrieval_recall@1']).toBe(1 / 2);
  // Five texts drawn of four: certain.
  expect(chance['text_retrieval_recall@5']).toBe(1);
});

test('a score that is not a number never counts as a hit', () => {
  const scores = retrieval({
    scores: matrixRows(new Float32Array(1).fill(Number.NaN), 1),
    imageOfText: Int32Array.of(0),
  });
  expect(scores.find(({ metric }) => metric === 'image_retrieval_recall@1')?.value).toBe(0);
});

test('row by row the scores have the bits of the whole matrix, and so have the recalls', () => {
  const [texts, images] = [floats('text_features'), floats('image_features')];
  const rows = similarityRows(texts, images, 16);
  const whole = similarities(texts, images, 16);
  const matrix = matrixRows(whole, 40);
  for (const [text, image] of imageOfText.entries()) {
    expect(rows.row(text)).toEqual(matrix.row(text));
    expect(rows.of(text, image)).toBe(matrix.of(text, image));
  }
  expect(retrieval({ scores: rows, imageOfText })).toEqual(retrieval({ scores: matrix, imageOfText }));
});
