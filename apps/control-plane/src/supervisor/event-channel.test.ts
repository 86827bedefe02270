import { afterEach, expect, test, vi } from 'vitest';
import { EventChannel } from './event-channel.ts';

afterEach(() => vi.useRealTimers());

const forever = new AbortController().signal;
const HOUR_MS = 3_600_000;
const isUrgent = (item: string) => item.startsWith('!');

test('the first item does not wait, those after it are one batch', async () => {
  vi.useFakeTimers();
  const channel = new EventChannel<string>({ paceMs: 50, isUrgent });
  const batches = channel.batches(forever);
  channel.push('a');
  expect((await batches.next()).value).toEqual(['a']);
  channel.push('b');
  channel.push('c');
  let arrived = false;
  const next = batches.next().finally(() => {
    arrived = true;
  });
  await vi.advanceTimersByTimeAsync(49);
  expect(arrived).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect((await next).value).toEqual(['b', 'c']);
});

test('an urgent item takes all before it along, at once', async () => {
  const channel = new EventChannel<string>({ paceMs: HOUR_MS, isUrgent });
  const batches = channel.batches(forever);
  channel.push('a');
  await batches.next();
  channel.push('b');
  const next = batches.next();
  channel.push('!');
  expect((await next).value).toEqual(['b', '!']);
});

test('what was there when it was closed is handed over, then it ends', async () => {
  const channel = new EventChannel<string>({ paceMs: HOUR_MS, isUrgent });
  const batches = channel.batches(forever);
  channel.push('a');
  await batches.next();
  channel.push('b');
  channel.close();
  channel.push('too late');
  expect((await batches.next()).value).toEqual(['b']);
  expect((await batches.next()).done).toBe(true);
});

test('an abort ends the waiting with its reason', async () => {
  const aborter = new AbortController();
  const batches = new EventChannel<string>({ paceMs: 0, isUrgent }).batches(aborter.signal);
  const next = batches.next();
  aborter.abort(new Error('cancelled'));
  await expect(next).rejects.toThrow('cancelled');
});

test('a consumer that is held up holds up its producers, and nothing is lost', async () => {
  const channel = new EventChannel<number>({ paceMs: 0, isUrgent: () => false, limit: 10 });
  let pushed = 0;
  const produce = async () => {
    for (let i = 0; i < 100; i += 1) {
      await channel.room(forever);
      channel.push(i);
      pushed += 1;
    }
    channel.close();
  };
  const producing = produce();
  await new Promise((resolve) => setImmediate(resolve));
  expect(pushed).toBe(10);
  const heard: number[] = [];
  for await (const batch of channel.batches(forever)) heard.push(...batch);
  await producing;
  expect(heard).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test('who waits for room is let go when it is told to, or when nothing is accepted any more', async () => {
  const channel = new EventChannel<number>({ paceMs: 0, isUrgent: () => false, limit: 1 });
  channel.push(1);
  const leaving = new AbortController();
  const waiting = [channel.room(leaving.signal), channel.room(forever)];
  leaving.abort();
  await waiting[0];
  channel.close();
  await waiting[1];
});
