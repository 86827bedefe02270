import { beforeAll, expect, test } from 'vitest';
import { selectBackend, tf } from '../index.ts';
import { PrefixDecoder } from '../testing/prefix-decoder.ts';
import { logLikelihoods } from './log-likelihood.ts';

beforeAll(() => selectBackend({ backend: 'cpu' }));

/** Three tokens; what is likely depends on everything before. */
const logitsOf = (prefix: readonly number[]) =>
  [0, 1, 2].map((token) => Math.sin(prefix.reduce((sum, one, i) => sum + (i + 1) * (one + 1), token)));

function byHand(prompt: readonly number[], continuation: readonly number[]): number[] {
  return continuation.map((token, i) => {
    // As the decoder gives them, in float32.
    const logits = logitsOf([...prompt, ...continuation.slice(0, i)]).map(Math.fround);
    return logits[token]! - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  });
}

test('every token of every continuation, after a prompt that is read once', async () => {
  const before = tf.memory().numTensors;
  const prompts = [[1, 2], [0], [2, 2, 1]];
  const continuations = [
    [[1], [0, 2, 2]],
    [
      [2, 1],
      [2, 1],
    ],
    [[0]],
  ];
  const decoder = new PrefixDecoder(prompts, logitsOf);
  const found = await logLikelihoods(decoder, continuations);
  for (const [i, ofPrompt] of continuations.entries())
    for (const [j, continuation] of ofPrompt.entries())
      for (const [k, expected] of byHand(prompts[i]!, continuation).entries())
        expect(found[i]![j]![k]).toBeCloseTo(expected, 12);
  // Three prompts; then the continuations that have a token left to be judged.
  expect(decoder.batches).toEqual([3, 3, 1]);
  expect(tf.memory().numTensors).toBe(before);
});

test('one-token answers need no step at all', async () => {
  const decoder = new PrefixDecoder([[1]], logitsOf);
  const [[yes, no]] = (await logLikelihoods(decoder, [[[1], [2]]])) as [[Float64Array, Float64Array]];
  expect(decoder.batches).toEqual([1]);
  expect([yes![0], no![0]]).toEqual([byHand([1], [1])[0], byHand([1], [2])[0]]);
});

test('a continuation of nothing is refused, and a signal heard', async () => {
  const decoder = new PrefixDecoder([[1]], logitsOf);
  await expect(logLikelihoods(decoder, [[[1], []]])).rejects.toThrow(/of prompt 0 has no tokens/);
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(logLikelihoods(decoder, [[[1]]], signal)).rejects.toThrow('enough');
});
