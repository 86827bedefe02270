/** A LLaVA, and a Flamingo, that see with the vision tower of a CLIP which was trained before. */

import { openDataset } from '@triptych/datasets';
import { architectures } from '@triptych/models/catalog';
import { selectBackend } from '@triptych/nn';
import { memoryStore } from '@triptych/storage';
import { beforeAll, expect, test } from 'vitest';
import { specHash } from '../checkpoint/spec-hash.ts';
import { putTinyDataset } from '../testing/tiny-dataset.ts';
import { eventsOf, modelOf, runAll, tinySpec } from '../testing/tiny-run.ts';
import { openModel, type StartingPoint, startingPoint } from './starting-point.ts';

const store = memoryStore();
let datasetManifest: string;
let vision: string;
let clip: StartingPoint;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  datasetManifest = await putTinyDataset(store);
  const evaluation = { tasks: [], baseline: false };
  const spec = tinySpec({ duration: { steps: 1 }, evaluation });
  vision = modelOf((await runAll({ spec, store, datasetManifest }))[0]!).artifact;
  clip = await openModel(store, vision);
});

const specOf = (model: string, method: string) =>
  tinySpec({
    ...{ model, method, towers: { vision: 'mine' }, duration: { steps: 2 } },
    evaluation: { tasks: [], baseline: false },
    checkpoint: { everySteps: 1 },
  });

/** Names of CLIP whose bytes are not those of the model. */
async function different({ weights }: StartingPoint, prefix: string): Promise<string[]> {
  const found = [];
  const parts = clip.architecture.parameters(clip.config).flatMap((tensor) => tensor.parts);
  for (const { name } of parts.filter((part) => part.name.startsWith('vision_model.'))) {
    const [expected, actual] = [await clip.weights.read(name), await weights.read(`${prefix}${name}`)];
    if (Buffer.compare(bytesOf(expected.data), bytesOf(actual.data)) !== 0) found.push(name);
  }
  return found;
}

const bytesOf = (data: Float32Array | Uint16Array) =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength);

test.each([
  ['llava-tiny', 'projector', 'vision_tower.'],
  ['flamingo-tiny', 'cross-attention', 'vision_encoder.'],
])('%s begins and ends with the tower of the CLIP, byte for byte', async (model, method, prefix) => {
  const spec = specOf(model, method);
  const datasets = [await openDataset(store, datasetManifest)];
  const start = await startingPoint({ spec, datasets, store, towerArtifacts: { vision } });
  expect(await different(start, prefix)).toEqual([]);
  expect(start.config).toMatchObject({
    vision_config: (clip.config as { vision_config: object }).vision_config,
  });
  // Pictures are prepared as the tower has learnt to see them.
  expect(start.files['preprocessor_config.json']).toBe(clip.files['preprocessor_config.json']);
  const run = { spec, store, datasetManifest, towerArtifacts: { vision } };
  const [events] = await runAll(run);
  const trained = await openModel(store, modelOf(events!).artifact);
  expect(await different(trained, prefix)).toEqual([]);
  // From the checkpoint after one step, to the same bytes.
  const checkpoint = eventsOf(events!, 'checkpoint')[0]!.value.sha256;
  const [resumed] = await runAll({ ...run, checkpoint });
  expect(modelOf(resumed!).weightsSha256).toBe(modelOf(events!).weightsSha256);
});

test('sizes that follow from a tower are its own', () => {
  const narrow = architectures['clip']!.parseConfig({
    ...clip.config,
    vision_config: { ...visionOf(clip.config), hidden_size: 32, num_attention_heads: 2, image_size: 48 },
  });
  expect(visionOf(narrow)).toMatchObject({ hidden_size: 32 });
  const architecture = architectures['llava']!;
  const { config } = architecture.presets['llava-tiny']!;
  const whole = architecture.parseConfig(architecture.towers!['vision']!.config(config, narrow));
  expect(whole).toMatchObject({ image_seq_length: 36, vision_config: { hidden_size: 32, image_size: 48 } });
  const projector = architecture
    .parameters(whole)
    .find(({ key }) => key === 'multi_modal_projector.linear_1.weight');
  expect(projector?.shape).toEqual([64, 32]);
});

test('a tower is pretrained, so the default method leaves it alone; it belongs to what decides the weights', () => {
  const towers = { vision: 'mine' };
  expect(tinySpec({ model: 'llava-tiny' }).method).toBe('scratch');
  const spec = tinySpec({ model: 'llava-tiny', towers });
  expect(spec).toMatchObject({ method: 'full', towers });
  const hash = (towerArtifacts?: Record<string, string>) =>
    specHash(spec, { datasetManifests: [], towerArtifacts });
  expect(hash({ vision: 'a' })).not.toBe(hash({ vision: 'b' }));
  expect(hash({})).toBe(hash());
});

test('a tower that the model has not, and a model that has none, are refused', async () => {
  expect(() => tinySpec({ model: 'llava-tiny', towers: { audio: 'mine' } })).toThrow(
    /a tower of LLaVA: vision/,
  );
  expect(() => tinySpec({ towers: { vision: 'mine' } })).toThrow(/nothing for CLIP/);
  const spec = specOf('llava-tiny', 'projector');
  const [events] = await runAll({ spec, store, datasetManifest, towerArtifacts: { vision } });
  const { artifact } = modelOf(events!);
  await expect(
    startingPoint({ spec, datasets: [], store, towerArtifacts: { vision: artifact } }),
  ).rejects.toMatchObject({ code: 'INVALID_INPUT', violations: [{ path: '/towers/vision' }] });
});

const visionOf = (config: object) => (config as { vision_config: object }).vision_config;
