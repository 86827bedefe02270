import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Child } from './child.ts';
import type { StackEvent } from './options.ts';

let folder: string;
let events: StackEvent[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'triptych-child-'));
  events = [];
});

afterEach(() => rmSync(folder, { recursive: true }));

const { signal } = new AbortController();

const start = (behaviour: string): Child =>
  new Child({
    name: 'thing',
    entry: new URL('testing/child.mjs', import.meta.url),
    env: { ...process.env, BEHAVIOUR: behaviour },
    logPath: join(folder, 'thing.log'),
    onEvent: (event) => events.push(event),
  });

test('is ready when it says so, and its end is announced as expected', async () => {
  const child = start('well');
  expect(await child.ready(signal)).toMatchObject({ event: 'listening', port: 4711 });
  await child.end('SIGTERM');
  expect(child.alive).toBe(false);
  expect(events.map(({ kind, expected }) => [kind, expected])).toEqual([
    ['starting', undefined],
    ['ready', undefined],
    ['exited', true],
  ]);
});

test('one that ends before it is ready says why', async () => {
  const child = start('fail');
  await expect(child.ready(signal)).rejects.toThrow(
    /thing ended with code 7 before it was ready[\s\S]*something is missing/,
  );
  expect(events.at(-1)).toMatchObject({ kind: 'exited', expected: false });
});

test('one that does not listen to SIGTERM is killed', async () => {
  const child = start('stubborn');
  await child.ready(signal);
  await child.end('SIGTERM', 50);
  expect(child.alive).toBe(false);
});

test('waiting ends with the signal', async () => {
  const child = start('well');
  await expect(child.ready(AbortSignal.abort(new Error('enough')))).rejects.toThrow();
  await child.end('SIGKILL');
});

test('the readiness of a restarted process is its own, not that of the log before', async () => {
  await start('well').end('SIGKILL');
  const first = start('well');
  await first.ready(signal);
  await first.end('SIGTERM');
  await expect(start('fail').ready(signal)).rejects.toThrow('ended with code 7');
});
