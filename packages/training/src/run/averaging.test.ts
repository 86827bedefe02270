/** Averaged weights of a whole run, beside a naive twin that averages the weights of its checkpoints. */
import { clipPresets, initClip } from '@triptych/models';
import { readSafetensors, selectBackend } from '@triptych/nn';
import { memoryStore, readFileList } from '@triptych/storage';
import { beforeAll, expect, test } from 'vitest';
import { decodeCheckpoint } from '../checkpoint/checkpoint.ts';
import { putTinyDataset } from '../testing/tiny-dataset.ts';
import { eventsOf, modelOf, runAll, tinySpec } from '../testing/tiny-run.ts';

const store = memoryStore();
let datasetManifest: string;
const decay = 0.75;
const changes = { checkpoint: { everySteps: 1 }, evaluation: { tasks: ['zero-shot'] } };
const spec = tinySpec({ ...changes, averaging: decay });

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  datasetManifest = await putTinyDataset(store);
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  Buffer.from(buffer, byteOffset, byteLength);
const sameBits = (a: Float32Array, b: Float32Array) => bytesOf(a).equals(bytesOf(b));

const checkpointsOf = async (events: Parameters<typeof modelOf>[0]) =>
  await Promise.all(
    eventsOf(events, 'checkpoint').map(async ({ value }) => ({
      ...value,
      state: decodeCheckpoint(await store.get(value.sha256)),
    })),
  );

test('what is published and scored is the average; what is trained is as without it', async () => {
  const [events] = await runAll({ spec, store, datasetManifest });
  const [plain] = await runAll({ spec: tinySpec(changes), store, datasetManifest });
  const [averaged, trained] = [await checkpointsOf(events!), await checkpointsOf(plain!)];
  const twin = initClip(clipPresets['clip-tiny']!.config, spec.seed);
  for (const [i, { state }] of averaged.entries()) {
    const { weights } = trained[i]!.state;
    expect(sameBits(state.weights, weights)).toBe(true);
    for (const [at, value] of weights.entries()) twin[at] = decay * twin[at]! + (1 - decay) * value;
    expect(sameBits(state.average!, twin)).toBe(true);
  }
  const { files } = await readFileList(store, modelOf(events!).artifact);
  const bytes = await store.get(files.find(({ path }) => path === 'model.safetensors')!.sha256);
  const projection = readSafetensors(new Uint8Array(bytes)).tensors.get('text_projection.weight')!.float32();
  // The last parameter of the vector.
  expect(sameBits(projection, twin.subarray(-projection.length))).toBe(true);
  expect(modelOf(events!).weightsSha256).not.toBe(modelOf(plain!).weightsSha256);
});

test('on two ranks, resumed after the first step, it ends with the same files and the same checkpoint', async () => {
  const [events] = await runAll({ spec, store, datasetManifest });
  const [first, , last] = eventsOf(events!, 'checkpoint').map(({ value }) => value.sha256);
  const [again] = await runAll({ spec, store, datasetManifest, checkpoint: first!, worldSize: 2 });
  expect(eventsOf(again!, 'checkpoint').at(-1)!.value.sha256).toBe(last);
  expect(modelOf(again!)).toEqual(modelOf(events!));
  expect(eventsOf(again!, 'score')).toEqual(
    eventsOf(events!, 'score').filter(({ value }) => value.stage === 'final'),
  );
});
