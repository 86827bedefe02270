import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { runProbe } from './run-probe.ts';
import { scratchFolder } from './testing/distributions.ts';

const request = { choice: { backend: 'cpu' as const }, seconds: 0, timeoutMs: 60_000 };

test('a real backend, in a process of its own, with its speed', async () => {
  const outcome = await runProbe({ ...request, seconds: 0.01 });
  expect(outcome).toMatchObject({ kind: 'works', description: { backend: 'cpu' } });
  expect(outcome.kind === 'works' && outcome.gflops).toBeGreaterThan(0);
});

test('what cannot be had is reported with its code', async () => {
  const choice = { backend: 'cpu' as const, device: 'gpu' as const };
  const outcome = await runProbe({ ...request, choice });
  expect(outcome).toMatchObject({ kind: 'unavailable', code: 'BACKEND_UNAVAILABLE' });
});

test.each([
  [
    'crashes',
    'process.kill(process.pid, "SIGSEGV"); setInterval(() => {}, 1000);',
    {},
    'was ended by SIGSEGV',
  ],
  ['throws', 'throw new Error("no such instruction")', {}, 'no such instruction'],
  ['hangs', 'setInterval(() => {}, 1000)', { timeoutMs: 300 }, 'did not answer within 0.3 s'],
])('a process that %s is an outcome', async (_what, script, more, message) => {
  await using scratch = await scratchFolder();
  const path = join(scratch.path, 'probe.mjs');
  await writeFile(path, script);
  const outcome = await runProbe({ ...request, ...more, entry: pathToFileURL(path) });
  expect(outcome).toMatchObject({ kind: 'crashed', message: expect.stringContaining(message) });
});

test('an abort ends the process and rejects with its reason', async () => {
  const controller = new AbortController();
  const outcome = runProbe({ ...request, signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(outcome).rejects.toThrow('enough');
});
