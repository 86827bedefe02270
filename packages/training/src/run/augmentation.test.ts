/** Crops at random: the same for any number of ranks and after a resume, others in every step, and never in the scores. */
import { clipTransform, openDataset, randomStream } from '@triptych/datasets';
import { selectBackend } from '@triptych/nn';
import { memoryStore } from '@triptych/storage';
import { beforeAll, expect, test } from 'vitest';
import { Examples } from '../loading/examples.ts';
import { putTinyDataset } from '../testing/tiny-dataset.ts';
import { eventsOf, modelOf, runAll, tinySpec } from '../testing/tiny-run.ts';

const store = memoryStore();
let datasetManifest: string;
const augmentation = { scale: [0.3, 0.9] as [number, number] };
const changes = { checkpoint: { everySteps: 1 }, evaluation: { tasks: ['zero-shot'] } };

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  datasetManifest = await putTinyDataset(store);
});

test('crops are drawn from seed and step, so that ranks and a resumed run see the same', async () => {
  const run = { spec: tinySpec({ ...changes, augmentation }), store, datasetManifest };
  const [events] = await runAll(run);
  const [first] = eventsOf(events!, 'checkpoint').map(({ value }) => value.sha256);
  const [plain] = await runAll({ ...run, spec: tinySpec(changes) });
  expect(modelOf(events!).weightsSha256).not.toBe(modelOf(plain!).weightsSha256);
  const [resumed] = await runAll({ ...run, checkpoint: first!, worldSize: 2 });
  expect(modelOf(resumed!).weightsSha256).toBe(modelOf(events!).weightsSha256);
  // The untrained model sees whole pictures either way.
  const baseline = (all: typeof plain) =>
    eventsOf(all!, 'score').filter(({ value }) => value.stage === 'baseline');
  expect(baseline(plain).length).toBeGreaterThan(0);
  expect(baseline(events)).toEqual(baseline(plain));
});

test('a crop has no key under which a frozen tower could keep what it saw; a whole picture has', async () => {
  const examples = new Examples(await openDataset(store, datasetManifest), {
    ...{ transform: clipTransform(32), position: 0, of: 1 },
  });
  const crop = { ...augmentation, ratio: [1, 1] as const };
  const seen = (step: number) => ({ choose: () => 0, stream: () => randomStream(1, step) });
  const [whole, cut, next] = [
    examples.at(0, seen(0)),
    examples.at(0, { ...seen(0), crop }),
    examples.at(0, { ...seen(1), crop }),
  ];
  expect(whole.pictureKey).toBeDefined();
  expect(cut.pictureKey).toBeUndefined();
  expect(await cut.pixels(0)).toEqual(await cut.pixels(0));
  expect(await cut.pixels(0)).not.toEqual(await next.pixels(0));
  expect(await whole.pixels(0)).toEqual(await whole.pixels(0));
});

test('open_clip has its crop as the default; limits in the wrong order are refused with both fields', () => {
  expect(tinySpec({ augmentation: {} }).augmentation).toEqual({
    kind: 'random-resized-crop',
    scale: [0.9, 1],
    ratio: [3 / 4, 4 / 3],
  });
  expect(() => tinySpec({ augmentation: { scale: [1, 0.5], ratio: [2, 1] } })).toThrow(
    expect.objectContaining({
      violations: [
        expect.objectContaining({ path: '/augmentation/scale', remedy: 'use [0.5,1]' }),
        expect.objectContaining({ path: '/augmentation/ratio' }),
      ],
    }),
  );
});
