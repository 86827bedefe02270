import { expect, it } from 'vitest';
import { failReadsAfterFaults, type ReadingBackend } from './webgpu-faults.ts';

type Loss = Awaited<ReadingBackend['device']['lost']>;

/** A backend whose reads succeed, as those of TensorFlow.js do whatever has happened. */
function scriptedBackend() {
  let report: (error: Error) => void = () => undefined;
  let lose: (loss: Loss) => void = () => undefined;
  const backend: ReadingBackend = {
    device: {
      lost: new Promise((resolve) => {
        lose = resolve;
      }),
      addEventListener: (_type, listener) => {
        report = (error) => listener({ error });
      },
    },
    read: async () => 'zeros',
  };
  failReadsAfterFaults(backend);
  return { read: () => backend.read({}), report: (error: Error) => report(error), lose };
}

it('reads as before as long as nothing has happened', async () => {
  expect(await scriptedBackend().read()).toBe('zeros');
});

it.each([
  [
    'Buffer size (4294967296) exceeds the max buffer size limit (1073741824).',
    'OUT_OF_MEMORY',
    'batch.shards',
  ],
  [
    'Binding size (9) of [Buffer] is larger than the maximum binding size (8).',
    'OUT_OF_MEMORY',
    'batch.shards',
  ],
  ['[Invalid ShaderModule] is invalid', 'INTERNAL', 'refused a computation'],
])('after "%s" every read fails with %s', async (message, code, words) => {
  const { read, report } = scriptedBackend();
  report(new Error(message));
  report(new Error('[Invalid Buffer] is invalid due to a previous error.'));
  const failure = { code, message: expect.stringContaining(words) };
  await expect(read()).rejects.toMatchObject(failure);
  await expect(read()).rejects.toMatchObject(failure);
});

it('fails reads after the device was lost', async () => {
  const { read, lose } = scriptedBackend();
  lose({ reason: 'unknown', message: 'the driver was reset' });
  await Promise.resolve();
  await expect(read()).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('reset') });
});
