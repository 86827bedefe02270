import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { commandOf, isAlive, startOf } from './process-identity.ts';

test('a running process has a start that stays, and a command line', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']);
  await once(child, 'spawn');
  const pid = child.pid!;
  expect(isAlive(pid)).toBe(true);
  expect(startOf(pid)).toBe(startOf(pid));
  expect(commandOf(pid)).toContain('setInterval');
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  expect(startOf(pid)).toBeUndefined();
});

test('a process that is gone has neither', () => {
  const { pid } = spawnSync('true');
  expect(isAlive(pid)).toBe(false);
  expect(startOf(pid)).toBeUndefined();
  expect(commandOf(pid)).toBeUndefined();
});
