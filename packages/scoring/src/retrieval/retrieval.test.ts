import { expect, test } from 'vitest';
import { draws } from '../testing/draws.ts';
import { expected, floats, integers } from '../testing/reference.ts';
import { joinedRanks, retrieval, retrievalPart, retrievalRanks, retrievalStatistics } from './retrieval.ts';
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

test('an image without texts is never found by one, and is not left out', () => {
  // Text 0 finds image 0; image 1 has no text.
  const scores = matrixRows(Float32Array.of(1, 0), 2);
  const values = retrieval({ scores, imageOfText: Int32Array.of(0) });
  const found = Object.fromEntries(values.map(({ metric, value, chance }) => [metric, [value, chance]]));
  expect(found['image_retrieval_recall@1']).toEqual([1, 1 / 2]);
  expect(found['text_retrieval_recall@1']).toEqual([1 / 2, 1 / 2]);
});

test('however the texts are cut into parts, the ranks are those of a naive count', () => {
  const random = draws(21);
  const [texts, images] = [37, 11];
  const imageOfText = Int32Array.from({ length: texts }, () => random.integer(images - 1));
  // Few different scores, so that many are equal.
  const matrix = Float32Array.from({ length: texts * images }, () => random.integer(4));
  const input = { scores: matrixRows(matrix, images), imageOfText };
  const at = (text: number, image: number) => matrix[text * images + image]!;
  const rank = (scores: number[], own: number) =>
    scores.filter((score, i) => score > scores[own]! || (score === scores[own] && i < own)).length;
  const row = (text: number) => Array.from({ length: images }, (_, image) => at(text, image));
  const column = (image: number) => Array.from({ length: texts }, (_, text) => at(text, image));
  const ofImages = Array.from(imageOfText, (image, text) => rank(row(text), image));
  const ofTexts = Array.from({ length: images }, (_, image) =>
    Math.min(
      texts,
      ...[...imageOfText.keys()].filter((t) => imageOfText[t] === image).map((t) => rank(column(image), t)),
    ),
  );
  const whole = retrievalRanks(input);
  expect([...whole.ofImages]).toEqual(ofImages);
  expect([...whole.ofTexts]).toEqual(ofTexts);
  const cuts = [0, 1, 13, 30, texts];
  const parts = cuts.slice(1).map((to, i) => retrievalPart(input, { from: cuts[i]!, to }));
  expect(joinedRanks(parts.reverse(), input)).toEqual(whole);
  expect(() => joinedRanks(parts.slice(1), input)).toThrow(/expected a part|cover/);
});

test("mean and median rank are open_clip's: from 1, and half a rank is dropped", () => {
  // Ranks of the images 1, 2, 2, 4: the median 2; of the texts of two images 1 and 4: 2.5, so 2.
  const ranks = { ofImages: Int32Array.of(0, 1, 1, 3), ofTexts: Int32Array.of(0, 3) };
  const statistics = retrievalStatistics(ranks, Int32Array.of(0, 0, 1, 1));
  const value = (metric: string) => statistics.find((one) => one.metric === metric)!;
  expect(value('image_retrieval_median_rank').value).toBe(2);
  expect(value('image_retrieval_mean_rank').value).toBe(9 / 4);
  expect(value('text_retrieval_median_rank').value).toBe(2);
  expect(value('text_retrieval_mean_rank').value).toBe(5 / 2);
  // Image 1 twice and image 0 not at all: the ranks 2, 2, 4, 4.
  expect(value('image_retrieval_median_rank').of([0, 2])).toBe(3);
  expect(value('image_retrieval_mean_rank').of([0, 2])).toBe(3);
});
