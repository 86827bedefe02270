/** A whole run on a GPU, or on a CPU that plays one: the losses of the other backends, and bits that no number of ranks changes. */
import { selectBackend, tf } from '@triptych/nn';
import type { Backend } from '@triptych/protocol';
import { memoryStore } from '@triptych/storage';
import { expect, test } from 'vitest';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { eventsOf, modelOf, runAll, tinySpec } from './testing/tiny-run.ts';

const start = (backend: Backend) => selectBackend({ backend, allowSoftwareGpu: true });

const missing = await start('webgpu').then(
  () => undefined,
  (error: Error) => error.message,
);
if (missing !== undefined) process.stdout.write(`The run on webgpu is left out: ${missing}\n`);

const store = memoryStore();
const datasetManifest = await putTinyDataset(store);
// Small, because SwiftShader needs seconds for a step and half a minute to compile its 83 shaders.
const spec = tinySpec({ duration: { steps: 3 }, batch: { global: 4, shards: 2 }, evaluation: { tasks: [] } });

async function outcomeOn(backend: Backend, worldSize = 1) {
  await start(backend);
  const before = tf.memory().numTensors;
  const [events] = await runAll({ spec, store, datasetManifest, worldSize });
  expect(tf.memory().numTensors).toBe(before);
  const losses = eventsOf(events!, 'step').map(({ value }) => value.loss);
  return { losses, weights: modelOf(events!).weightsSha256 };
}

test.skipIf(missing !== undefined)(
  'webgpu has the losses of cpu and wasm, and the same bits on one rank and two',
  async () => {
    const outcome = await outcomeOn('webgpu');
    expect(await outcomeOn('webgpu', 2)).toEqual(outcome);
    for (const backend of ['cpu', 'wasm'] as const) {
      const { losses } = await outcomeOn(backend);
      expect(losses.length).toBe(3);
      losses.forEach((loss, step) => {
        // Sums in another order, three steps long: 6e-7 was seen.
        expect(Math.abs(outcome.losses[step]! / loss - 1), `${backend}, step ${step}`).toBeLessThan(1e-5);
      });
    }
  },
  // The compiler of SwiftShader takes all the time there is on a loaded machine.
  600_000,
);
