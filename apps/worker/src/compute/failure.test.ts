import { type ErrorCode, TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { errorOf, failureOf } from './failure.ts';

test('code, message, violations and the blamed rank survive the way between threads', () => {
  const violations = [{ path: '/a', expected: 'b', actual: 'c', remedy: 'd' }];
  const original = new TriptychError('COLLECTIVE_ABORTED', 'cut', { violations, cause: { rank: 2 } });
  const failure = structuredClone(failureOf(original));
  expect(failure).toMatchObject({ code: 'COLLECTIVE_ABORTED', blamedRank: 2, reusable: true });
  const arrived = errorOf(failure);
  expect(arrived).toBeInstanceOf(TriptychError);
  expect(arrived).toMatchObject({ code: 'COLLECTIVE_ABORTED', message: 'cut', violations });
  expect(failureOf(arrived).blamedRank).toBe(2);
});

test('the rank is read from the words where only they are left', () => {
  const error = new TriptychError(
    'COLLECTIVE_ABORTED',
    'barrier (operation 3) on rank 0 of 2: rank 1 broke the group: gone',
  );
  expect(failureOf(error).blamedRank).toBe(1);
});

test.each<[unknown, ErrorCode]>([
  [new RangeError('Array buffer allocation failed'), 'OUT_OF_MEMORY'],
  [new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded'), 'OUT_OF_MEMORY'],
  [new Error('abort(OOM). Build with -sASSERTIONS for more info.'), 'OUT_OF_MEMORY'],
  [new Error('Aborted(Cannot enlarge memory arrays)'), 'OUT_OF_MEMORY'],
  [Object.assign(new Error('heap limit'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }), 'OUT_OF_MEMORY'],
  [new RangeError('Invalid array length'), 'INTERNAL'],
  [new TypeError('x is not a function'), 'INTERNAL'],
  ['a thrown string', 'INTERNAL'],
])('%s is %s, and its thread is not used again', (error, code) => {
  const failure = failureOf(error);
  expect(failure).toMatchObject({ code, reusable: false });
  if (code === 'OUT_OF_MEMORY') expect(failure.message).toContain('batch.shards');
});
