import { expect, test } from 'vitest';
import { classEmbeddings } from './class-embeddings.ts';

test('a class is the mean of its prompts, made a unit vector again', () => {
  // One class with prompts along x and y, one with twice the same prompt.
  const prompts = Float32Array.of(1, 0, 0, 1, 0.6, 0.8, 0.6, 0.8);
  const classes = classEmbeddings(prompts, 2, 2);
  const diagonal = Math.SQRT1_2;
  for (const [i, expected] of [diagonal, diagonal, 0.6, 0.8].entries())
    expect(classes[i]).toBeCloseTo(expected, 6);
});
