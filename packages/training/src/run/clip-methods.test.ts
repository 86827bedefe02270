/** CLIP's methods as whole runs on the tiny dataset: what stays as it was, what is learnt, what the head is. */
import { readSafetensors, selectBackend } from '@triptych/nn';
import type { RunSpec } from '@triptych/protocol';
import { memoryStore, readFileList } from '@triptych/storage';
import { beforeAll, expect, test } from 'vitest';
import type { TrainerEvent } from '../events.ts';
import { putTinyDataset } from '../testing/tiny-dataset.ts';
import { eventsOf, modelOf, runAll, tinySpec } from '../testing/tiny-run.ts';

const store = memoryStore();
let datasetManifest: string;
/** A model that knows a little, to start from. */
let base: string;
const tasks = ['classification', 'zero-shot'];

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  datasetManifest = await putTinyDataset(store);
  const spec = tinySpec({ duration: { steps: 20 }, evaluation: { tasks: [] } });
  base = modelOf((await runAll({ spec, store, datasetManifest }))[0]!).artifact;
});

async function further(changes: Partial<RunSpec>, options: Partial<Parameters<typeof runAll>[0]> = {}) {
  const spec = tinySpec(
    { evaluation: { tasks: [] }, optimizer: { learningRate: 1e-3 }, ...changes },
    { pretrained: true },
  );
  return (await runAll({ spec, store, datasetManifest, modelArtifact: base, ...options }))[0]!;
}

async function filesOf(artifact: string) {
  const { files } = await readFileList(store, artifact);
  const content = async (path: string) =>
    new Uint8Array(await store.get(files.find((file) => file.path === path)!.sha256));
  const { tensors } = readSafetensors(await content('model.safetensors'));
  const config = JSON.parse(new TextDecoder().decode(await content('config.json'))) as Record<
    string,
    unknown
  >;
  return { tensors, config };
}

/** Names of the tensors that a run changed, and of those that it added. */
async function changed(events: readonly TrainerEvent[], from = base) {
  const [before, after] = [await filesOf(from), await filesOf(modelOf(events).artifact)];
  return [...after.tensors].flatMap(([name, { bytes }]) => {
    const old = before.tensors.get(name)?.bytes;
    return old && Buffer.compare(old, bytes) === 0 ? [] : [name];
  });
}

const scoresOf = (events: readonly TrainerEvent[], stage: string) =>
  Object.fromEntries(
    eventsOf(events, 'score').flatMap(({ value }) =>
      value.stage === stage ? [[`${value.task} ${value.metric}`, value.value]] : [],
    ),
  );

test.each(['infonce', 'siglip'])('a locked image tower keeps its bytes under %s', async (kind) => {
  const names = await changed(await further({ method: 'locked-image', objective: { kind } }));
  expect(names.filter((name) => name.startsWith('vis'))).toEqual([]);
  expect(names).toContain('text_projection.weight');
  expect(names).toContain('text_model.encoder.layers.0.mlp.fc1.weight');
  expect(names).toContain('logit_scale');
});

test('unlocked groups move, and no others of their tower', async () => {
  const unlock = ['vision/head', 'vision/1'];
  const names = await changed(await further({ method: 'locked-image', unlock }));
  const vision = names.filter((name) => name.startsWith('vis'));
  expect(vision).toContain('visual_projection.weight');
  expect(vision).toContain('vision_model.post_layernorm.bias');
  expect(vision.filter((name) => !/visual_projection|post_layernorm|layers\.1\./.test(name))).toEqual([]);
});

test('a probe learns the classes on frozen towers, the same on two ranks', async () => {
  const spec = {
    method: 'probe',
    duration: { steps: 40 },
    optimizer: { learningRate: 1e-2 },
    evaluation: { tasks: ['classification'] },
  };
  const events = await further(spec);
  expect(await changed(events)).toEqual(['classifier.bias', 'classifier.weight'].toSorted());
  // Three classes, each as likely.
  const losses = eventsOf(events, 'step').map(({ value }) => value.loss);
  expect(losses[0]).toBeCloseTo(Math.log(3), 6);
  expect(scoresOf(events, 'final')['classification accuracy@1']).toBe(1);
  const { config } = await filesOf(modelOf(events).artifact);
  expect(config).toMatchObject({
    architectures: ['CLIPModel'],
    id2label: { 0: 'red square', 1: 'green square', 2: 'blue square' },
    label2id: { 'blue square': 2 },
  });
  expect(modelOf(await further(spec, { worldSize: 2 }))).toEqual(modelOf(events));
});

test('a head stays while it is trained, and goes where it is not', async () => {
  const spec = { method: 'probe', duration: { steps: 1 } };
  const probe = modelOf(await further({ ...spec, duration: { steps: 20 } })).artifact;
  const again = await further(
    { ...spec, evaluation: { tasks: ['classification'] } },
    { modelArtifact: probe },
  );
  expect(eventsOf(again, 'step')[0]!.value.loss).toBeLessThan(Math.log(3));
  expect(await changed(again, probe)).toEqual(['classifier.bias', 'classifier.weight']);
  const pairs = modelOf(await further({ method: 'locked-image' }, { modelArtifact: probe })).artifact;
  const { tensors, config } = await filesOf(pairs);
  expect([tensors.has('classifier.weight'), 'id2label' in config]).toEqual([false, false]);
});

test('a classifier begins as zero-shot classification; the ends of its sweep are the first and the last scores', async () => {
  const sweep = [0, 0.5, 1];
  const spec = {
    method: 'classifier',
    averaging: 0.5,
    checkpoint: { everySteps: 2 },
    evaluation: { tasks, sweep },
  };
  const events = await further(spec);
  const names = await changed(events);
  expect(names.filter((name) => name.startsWith('text') || name.startsWith('logit'))).toEqual([]);
  expect(names).toContain('vision_model.embeddings.patch_embedding.weight');
  const [baseline, final] = [scoresOf(events, 'baseline'), scoresOf(events, 'final')];
  for (const metric of ['accuracy@1', 'mean_per_class_recall']) {
    expect(baseline[`classification ${metric}`]).toBe(baseline[`zero-shot ${metric}`]);
    for (const task of tasks) {
      expect(final[`${task} ${metric} at 0`]).toBe(baseline[`${task} ${metric}`]);
      expect(final[`${task} ${metric} at 1`]).toBe(final[`${task} ${metric}`]);
      expect(final[`${task} ${metric} at 0.5`]).toBeGreaterThanOrEqual(0);
    }
  }
  const { sha256 } = eventsOf(events, 'checkpoint')[0]!.value;
  const resumed = await further(spec, { checkpoint: sha256, worldSize: 2 });
  expect(modelOf(resumed)).toEqual(modelOf(events));
  expect(scoresOf(resumed, 'final')).toEqual(final);
});

test('interpolated weights are published and scored as the sweep scored them', async () => {
  const spec = { method: 'classifier', evaluation: { tasks } };
  const swept = await further({ ...spec, evaluation: { tasks, sweep: [0.5] } });
  const half = await further({ ...spec, interpolation: 0.5 });
  const [final, all] = [scoresOf(half, 'final'), scoresOf(swept, 'final')];
  for (const [metric, value] of Object.entries(final)) expect(all[`${metric} at 0.5`]).toBe(value);
  const [from, to, between] = await Promise.all(
    [base, modelOf(swept).artifact, modelOf(half).artifact].map(async (artifact) => {
      const { tensors } = await filesOf(artifact);
      return tensors.get('visual_projection.weight')!.float32();
    }),
  );
  const naive = from!.map((weight, i) => 0.5 * weight + 0.5 * to![i]!);
  expect(between).toEqual(naive);
  expect(from).not.toEqual(to);
});

test('a sample without a class stops a probe, and is named', async () => {
  const unlabelled = await putTinyDataset(store, { labelled: false });
  await expect(further({ method: 'probe' }, { datasetManifest: unlabelled })).rejects.toMatchObject({
    code: 'DATASET_INVALID',
    message: expect.stringMatching(
      /Sample train\/\d+\.png: expected a picture with one of 3 classes, got class none/,
    ),
  });
});
