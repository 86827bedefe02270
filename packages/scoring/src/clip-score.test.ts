import { expect, test } from 'vitest';
import { clipScoreStatistics, clipScores, refClipScores } from './clip-score.ts';

// Cosines of images and captions: 0.6, -1, 0.
const images = Float32Array.of(3, 4, 2, 0, 1, 0);
const captions = Float32Array.of(1, 0, -5, 0, 0, 2);
// References of sample 0: cosines 0.8 and 0 with its caption; of sample 1: -1; of sample 2: 0.
const references = {
  features: Float32Array.of(4, 3, 0, 1, 1, 0, 7, 0),
  sampleOf: Int32Array.of(0, 0, 1, 2),
};

test('CLIPScore is 2.5 times the cosine, and not below 0', () => {
  const scores = clipScores({ width: 2, images, captions });
  expect([...scores].map((score) => Number(score.toFixed(12)))).toEqual([1.5, 0, 0]);
});

test('RefCLIPScore is the harmonic mean with the likest reference', () => {
  const scores = refClipScores({ width: 2, images, captions, references });
  expect(scores[0]).toBeCloseTo((2 * 1.5 * 0.8) / 2.3, 7);
  expect(scores[1]).toBeCloseTo(0, 12);
  expect(scores[2]).toBe(0);
});

test('the length of features has no influence, and the means are reported with each sample', () => {
  const [plain, withReferences] = clipScoreStatistics({
    ...{ width: 2, captions, references },
    images: images.map((value) => 100 * value),
  });
  expect(plain).toMatchObject({ metric: 'clip_score', unit: 'number', samples: 3 });
  expect(plain!.value).toBeCloseTo(0.5, 12);
  expect(withReferences!.value).toBeCloseTo((2 * 1.5 * 0.8) / 2.3 / 3, 7);
  expect(clipScoreStatistics({ width: 2, images, captions })).toHaveLength(1);
});

test('a sample without a reference is a bug of the caller', () => {
  const few = { features: Float32Array.of(1, 0), sampleOf: Int32Array.of(0) };
  expect(() => refClipScores({ width: 2, images, captions, references: few })).toThrow(/sample 1/);
});
