/** Beam search against greedy search, and against every sequence there is on a tiny vocabulary. */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type BeamSearchOptions,
  beamSearch,
  collectTokens,
  generate,
  random,
  selectBackend,
  tf,
} from '../index.ts';
import { PrefixDecoder } from '../testing/prefix-decoder.ts';

const STOP = 0;
const VOCABULARY = 4;

/** Random logits that belong to the prefix. */
const logitsOf = (prefix: readonly number[]) => {
  const stream = random(1, 'logits', ...prefix);
  return Array.from({ length: VOCABULARY }, () => Math.fround(2 * stream.normal()));
};
const decoder = (...prompts: number[][]) => new PrefixDecoder(prompts, logitsOf);

beforeAll(() => selectBackend({ backend: 'cpu' }));

test('one beam is greedy search', async () => {
  const prompts = [[1], [2, 3], [3], [1, 1, 1], [2]];
  const limits = { maxNewTokens: 8, stopTokens: [STOP] };
  const greedy = await collectTokens(generate(decoder(...prompts), limits), prompts.length);
  const found = await beamSearch(decoder(...prompts), { ...limits, beams: 1 });
  expect(found.map(([best]) => best!.tokens)).toEqual(greedy);
});

interface Sequence {
  readonly tokens: number[];
  readonly score: number;
}

/** Every sequence that ends with the stop token or at the greatest length, the best first. */
function everySequence(prompt: number[], maxNewTokens: number, lengthPenalty: number): Sequence[] {
  const ended: Sequence[] = [];
  const extend = (tokens: number[], logProbability: number) => {
    const logits = logitsOf([...prompt, ...tokens]);
    const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    for (const [token, logit] of logits.entries()) {
      const total = logProbability + logit - logSum;
      const score = total / (tokens.length + 1) ** lengthPenalty;
      if (token === STOP) ended.push({ tokens, score });
      else if (tokens.length + 1 === maxNewTokens) ended.push({ tokens: [...tokens, token], score });
      else extend([...tokens, token], total);
    }
  };
  extend([], 0);
  return ended.sort((a, b) => b.score - a.score);
}

describe.each([0, 0.6, 1, 2])('with a length penalty of %d', (lengthPenalty) => {
  test('enough beams find every sequence there is', async () => {
    const expected = everySequence([2], 4, lengthPenalty);
    const options = { beams: expected.length, maxNewTokens: 4, stopTokens: [STOP], lengthPenalty };
    const before = tf.memory().numTensors;
    const [found] = await beamSearch(decoder([2]), options);
    expect(tf.memory().numTensors).toBe(before);
    expect(found!.length).toBe(expected.length);
    for (const [i, { tokens, score }] of expected.entries()) {
      expect(found![i]!.tokens).toEqual(tokens);
      expect(found![i]!.score).toBeCloseTo(score, 10);
    }
  });

  test('a few beams that never stop early find the best of most prompts, and none that is not there', async () => {
    const prompts = Array.from({ length: 12 }, (_, i) => [1 + (i % 3), i]);
    const options: BeamSearchOptions = {
      beams: 6,
      maxNewTokens: 4,
      stopTokens: [STOP],
      lengthPenalty,
      earlyStopping: 'never',
    };
    const found = await beamSearch(decoder(...prompts), options);
    let best = 0;
    for (const [i, prompt] of prompts.entries()) {
      const all = everySequence(prompt, 4, lengthPenalty);
      for (const { tokens, score } of found[i]!)
        expect(all.find((one) => one.tokens.join() === tokens.join())!.score).toBeCloseTo(score, 10);
      if (found[i]![0]!.tokens.join() === all[0]!.tokens.join()) best++;
    }
    expect(best).toBeGreaterThanOrEqual(11);
  });
});

test('prompts do not depend on their neighbours', async () => {
  const options = { beams: 3, maxNewTokens: 6, stopTokens: [STOP], lengthPenalty: 0 };
  const together = await beamSearch(decoder([1], [2, 2], [3]), options);
  expect(together[1]).toEqual((await beamSearch(decoder([2, 2]), options))[0]);
});

test('stopping early is content with the first beams that end', async () => {
  const options = { beams: 2, maxNewTokens: 12, stopTokens: [STOP] };
  const early = decoder([1]);
  await beamSearch(early, { ...options, earlyStopping: true });
  const never = decoder([1]);
  await beamSearch(never, { ...options, earlyStopping: 'never' });
  expect(early.batches.length).toBeLessThan(never.batches.length);
});

test('an aborted signal ends the search with its reason, and options are checked', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  const before = tf.memory().numTensors;
  await expect(beamSearch(decoder([1]), { beams: 2, maxNewTokens: 4, signal })).rejects.toThrow('enough');
  expect(tf.memory().numTensors).toBe(before);
  await expect(beamSearch(decoder([1]), { beams: 0, maxNewTokens: 0 })).rejects.toThrow(
    /maxNewTokens.*beams/,
  );
});
