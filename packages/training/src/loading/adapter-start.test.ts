/** A base model with an adapter that an earlier run exported: opened, trained further, and taken up again from a checkpoint. */
import { floatsOf } from '@triptych/models';
import { selectBackend } from '@triptych/nn';
import { memoryStore, putFiles, readFileList } from '@triptych/storage';
import { beforeAll, expect, test } from 'vitest';
import { putTinyDataset } from '../testing/tiny-dataset.ts';
import { eventsOf, modelOf, runAll, tinySpec } from '../testing/tiny-run.ts';
import { openModel } from './starting-point.ts';

const store = memoryStore();
const adapter = { rank: 2, alpha: 6, dropout: 0, rankStabilised: true };
let datasetManifest: string;
let base: string;

const specOf = (method: string) =>
  tinySpec({
    ...{ model: 'llava-tiny', method, duration: { steps: 2 }, optimizer: { learningRate: 0.01 } },
    ...(method === 'lora' && { adapter }),
    evaluation: { tasks: [], baseline: false },
    checkpoint: { everySteps: 1 },
  });
const train = async (method: string, from?: string, checkpoint?: string) => {
  const run = { spec: specOf(method), store, datasetManifest, modelArtifact: from, checkpoint };
  const [events] = await runAll(run);
  return events!;
};

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  datasetManifest = await putTinyDataset(store);
  base = modelOf(await train('scratch')).artifact;
});

/** The files of the base, and beside them the adapter that a run exported. */
async function adaptedBase(trained: string): Promise<string> {
  const [own, others] = [await readFileList(store, base), await readFileList(store, trained)];
  const files = [
    ...own.files,
    ...others.files
      .filter(({ path }) => path.startsWith('adapter/'))
      .map((file) => ({ ...file, path: file.path.replace('adapter/', '') })),
  ];
  const contents = await Promise.all(
    files.map(async ({ path, sha256 }) => ({ path, content: await store.get(sha256) })),
  );
  return (await putFiles(store, contents)).sha256;
}

async function largestDifference(one: string, other: string): Promise<number> {
  const [a, b] = [await openModel(store, one), await openModel(store, other)];
  let largest = 0;
  for (const { name } of a.architecture.parameters(a.config).flatMap(({ parts }) => parts)) {
    const theirs = floatsOf(await b.weights.read(name));
    for (const [i, value] of floatsOf(await a.weights.read(name)).entries())
      largest = Math.max(largest, Math.abs(value - theirs[i]!));
  }
  return largest;
}

// Weights are below 1, and the engine rounds a product to float32 before it adds it.
const ROUNDING = 2 ** -23;

test('it is the model that was exported merged', async () => {
  const { artifact } = modelOf(await train('lora', base));
  expect(await largestDifference(artifact, base)).toBeGreaterThan(0.001);
  expect(await largestDifference(await adaptedBase(artifact), artifact)).toBeLessThanOrEqual(ROUNDING);
});

test('trained further, it belongs to the same base, and a checkpoint leads to the same bits', async () => {
  const first = await adaptedBase(modelOf(await train('lora', base)).artifact);
  const events = await train('lora', first);
  const further = modelOf(events);
  expect(await largestDifference(further.artifact, first)).toBeGreaterThan(0.001);
  const second = await adaptedBase(further.artifact);
  expect(await largestDifference(second, further.artifact)).toBeLessThanOrEqual(ROUNDING);
  const checkpoint = eventsOf(events, 'checkpoint')[0]!.value.sha256;
  expect(modelOf(await train('lora', first, checkpoint)).weightsSha256).toBe(further.weightsSha256);
});
