import { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { failureOf } from './failure.ts';

const { signal } = new AbortController();

test('after an abort the reason is what counts', () => {
  const consequence = new TriptychError('COLLECTIVE_ABORTED', 'the group is gone');
  const reason = new TriptychError('FENCED', 'a newer owner');
  expect(failureOf(consequence, AbortSignal.abort(reason))).toBe(reason);
  expect(failureOf(consequence, AbortSignal.abort('stop'))).toMatchObject({
    code: 'CANCELLED',
    cause: 'stop',
  });
});

test('exhausted memory gets its code and a remedy', () => {
  const failure = failureOf(new RangeError('Array buffer allocation failed'), signal);
  expect(failure).toMatchObject({ code: 'OUT_OF_MEMORY', message: expect.stringContaining('batch.shards') });
});

test('a bug stays a bug', () => {
  const bug = new TypeError('x is not a function');
  expect(failureOf(bug, signal)).toBe(bug);
});
