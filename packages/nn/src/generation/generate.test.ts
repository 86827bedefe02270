/** When sequences end, and what is computed until then, on a model that is a plain function. */
import { beforeAll, expect, test } from 'vitest';
import { collectTokens, type GenerationEvent, generate, selectBackend, tf } from '../index.ts';
import { PrefixDecoder } from '../testing/prefix-decoder.ts';

const STOP = 0;

/** Counts down from the last token of the prompt to the stop token. */
const countdown = (...prompts: number[]) =>
  new PrefixDecoder(
    prompts.map((prompt) => [prompt]),
    (prefix) => Array.from({ length: 8 }, (_, token) => (token === prefix.at(-1)! - 1 ? 1 : 0)),
  );

beforeAll(() => selectBackend({ backend: 'cpu' }));

test('every sequence ends at its own stop token, and is not computed any longer', async () => {
  const decoder = countdown(3, 6, 2);
  const before = tf.memory().numTensors;
  const events: GenerationEvent[] = [];
  for await (const event of generate(decoder, { maxNewTokens: 9, stopTokens: [STOP] })) events.push(event);
  expect(tf.memory().numTensors).toBe(before);
  const of = (sequence: number) => events.filter((event) => event.sequence === sequence);
  expect(of(0)).toEqual([
    { kind: 'token', sequence: 0, token: 2 },
    { kind: 'token', sequence: 0, token: 1 },
    { kind: 'end', sequence: 0, reason: 'stop' },
  ]);
  expect(of(1).map((event) => (event.kind === 'token' ? event.token : event.reason))).toEqual([
    5,
    4,
    3,
    2,
    1,
    'stop',
  ]);
  expect(decoder.batches).toEqual([3, 3, 2, 1, 1, 1]);
});

test('and at the greatest length otherwise, without a step too many', async () => {
  const decoder = countdown(7, 2);
  const events: GenerationEvent[] = [];
  for await (const event of generate(decoder, { maxNewTokens: 2, stopTokens: [STOP] })) events.push(event);
  const ends = events.filter((event) => event.kind === 'end');
  expect(ends.map((event) => [event.sequence, event.reason])).toEqual([
    [0, 'length'],
    [1, 'stop'],
  ]);
  expect(decoder.batches).toEqual([2, 2]);
});

test('tokens come as they are chosen, and who stops listening leaves nothing behind', async () => {
  const decoder = countdown(7);
  const before = tf.memory().numTensors;
  for await (const event of generate(decoder, { maxNewTokens: 9 })) {
    if (event.kind === 'token' && event.token === 5) break;
    expect(decoder.batches.length).toBe(1);
  }
  expect(decoder.batches.length).toBe(2);
  expect(tf.memory().numTensors).toBe(before);
});

test('a signal that is aborted from outside ends the next step with its reason', async () => {
  const controller = new AbortController();
  const before = tf.memory().numTensors;
  const endless = new PrefixDecoder([[1]], () => [0, 1]);
  const events = generate(endless, { maxNewTokens: 1e6, signal: controller.signal });
  setImmediate(() => controller.abort(new Error('enough')));
  await expect(collectTokens(events, 1)).rejects.toThrow('enough');
  expect(tf.memory().numTensors).toBe(before);
  const late = generate(countdown(7), { maxNewTokens: 9, signal: controller.signal });
  await expect(late.next()).rejects.toThrow('enough');
});

test('what a sequence draws does not depend on its neighbours that came later', async () => {
  const flat = (prompts: number) =>
    new PrefixDecoder(new Array(prompts).fill([0]), (prefix) =>
      Array.from({ length: 50 }, (_, token) => Math.sin(token * prefix.length)),
    );
  const sample = (prompts: number, seed: number) =>
    collectTokens(
      generate(flat(prompts), { maxNewTokens: 12, choice: { kind: 'sample', seed, topP: 0.9 } }),
      prompts,
    );
  const [alone] = await sample(1, 5);
  const together = await sample(3, 5);
  expect(together[0]).toEqual(alone);
  expect(together[1]).not.toEqual(alone);
  expect((await sample(1, 6))[0]).not.toEqual(alone);
});

test('options that cannot be followed are all named', async () => {
  const bad = generate(countdown(3), {
    maxNewTokens: 0,
    choice: { kind: 'sample', seed: 1, temperature: 0, topK: 1.5, topP: 2 },
  });
  await expect(bad.next()).rejects.toThrow(/maxNewTokens.*temperature.*use greedy.*topK.*topP/);
});
