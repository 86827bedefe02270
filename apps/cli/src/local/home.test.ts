import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHome } from './home.ts';
import { startOf } from './process-identity.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'triptych-home-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const lockPath = () => join(folder, 'stack.lock');

test('creates its folders, and the lock goes with the release', () => {
  const home = openHome(join(folder, 'new'));
  for (const path of [home.artifacts, home.cache, home.logs, home.postgres])
    expect(existsSync(path)).toBe(true);
  home.release();
  expect(existsSync(join(folder, 'new', 'stack.lock'))).toBe(false);
});

test('a home that is in use is refused with the process that uses it', () => {
  const home = openHome(folder);
  expect(() => openHome(folder)).toThrow(`Process ${process.pid} already runs a stack in ${folder}`);
  home.release();
  openHome(folder).release();
});

test.each([
  ['a process that is gone', () => ({ pid: spawnSync('true').pid, start: '1' })],
  [
    'another process that got the same id later',
    () => ({ pid: process.pid, start: `not ${startOf(process.pid)}` }),
  ],
  ['a write that was cut off', () => undefined],
])('a lock of %s is taken over', (_, owner) => {
  writeFileSync(lockPath(), JSON.stringify(owner()) ?? '{"pid":');
  const home = openHome(folder);
  expect(() => openHome(folder)).toThrow('already runs a stack');
  home.release();
});
