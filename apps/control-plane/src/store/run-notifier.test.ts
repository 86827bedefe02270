import { expect, test } from 'vitest';
import { RunNotifier } from './run-notifier.ts';

test('wakes those who wait on that run, and nobody else', async () => {
  const notifier = new RunNotifier();
  const waiting = [notifier.next('a', { timeoutMs: 60_000 }), notifier.next('a', { timeoutMs: 60_000 })];
  const other = notifier.next('b', { timeoutMs: 0 });
  notifier.wake('a');
  expect(await Promise.all(waiting)).toEqual(['changed', 'changed']);
  expect(await other).toBe('timeout');
  expect(notifier.size).toBe(0);
});

test('an abort ends the wait with its reason and leaves nothing behind', async () => {
  const notifier = new RunNotifier();
  const controller = new AbortController();
  const waiting = notifier.next('a', { timeoutMs: 60_000, signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(notifier.next('a', { timeoutMs: 1, signal: controller.signal })).rejects.toThrow('enough');
  expect(notifier.size).toBe(0);
});

test('a watch does not miss what happens between two waits', async () => {
  const notifier = new RunNotifier();
  {
    using watch = notifier.watch('a');
    notifier.wake('a');
    expect(await watch.changed({ timeoutMs: 60_000 })).toBe('changed');
    expect(await watch.changed({ timeoutMs: 0 })).toBe('timeout');
  }
  expect(notifier.size).toBe(0);
});
