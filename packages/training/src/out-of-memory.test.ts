import { selectBackend, tf } from '@triptych/nn';
import { memoryStore } from '@triptych/storage';
import { expect, test } from 'vitest';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { modelOf, runAll, tinySpec } from './testing/tiny-run.ts';

test('a full wasm heap ends the run with OUT_OF_MEMORY and every remedy, and the next run goes well', async () => {
  await selectBackend({ backend: 'wasm' });
  const store = memoryStore();
  const datasetManifest = await putTinyDataset(store);
  const run = () => runAll({ spec: tinySpec({ evaluation: { tasks: [] } }), store, datasetManifest });
  const before = tf.memory().numTensors;
  const ballast = fillHeap();
  await expect(run()).rejects.toMatchObject({
    code: 'OUT_OF_MEMORY',
    message: expect.stringMatching(
      /bytes do not fit .* of 4096 MiB .*raise batch\.shards.*memory to "checkpoint".*another backend/,
    ),
  });
  tf.dispose(ballast);
  expect(tf.memory().numTensors).toBe(before);
  const [events] = await run();
  expect(modelOf(events!).weightsSha256).toMatch(/^[0-9a-f]{64}$/);
});

/** All but some kilobytes of the 4 GiB. Nothing is written, so that the pages stay virtual. */
function fillHeap(): tf.Tensor[] {
  const { makeOutput } = tf.backend() as unknown as {
    makeOutput(shape: number[], dtype: 'float32'): tf.TensorInfo;
  };
  const ballast: tf.Tensor[] = [];
  for (const mebibytes of [1000, 100, 10, 1, 0.0625]) {
    for (;;) {
      try {
        const output = makeOutput.call(tf.backend(), [mebibytes * 2 ** 18], 'float32');
        ballast.push(tf.engine().makeTensorFromTensorInfo(output));
      } catch {
        break;
      }
    }
  }
  return ballast;
}
