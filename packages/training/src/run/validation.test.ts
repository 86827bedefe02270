/** Looking at held-out samples on the way: what is seen, which weights are kept, when a run ends, on any number of ranks. */
import { selectBackend } from '@triptych/nn';
import type { RunSpec } from '@triptych/protocol';
import { memoryStore } from '@triptych/storage';
import { beforeAll, describe, expect, test } from 'vitest';
import { bestOf, isStalled } from '../catalog/validation.ts';
import { putTinyDataset } from '../testing/tiny-dataset.ts';
import { eventsOf, modelOf, runAll, tinySpec } from '../testing/tiny-run.ts';

const store = memoryStore();
let datasetManifest: string;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  datasetManifest = await putTinyDataset(store);
});

const plain: Partial<RunSpec> = {
  evaluation: { tasks: [], baseline: false },
  schedule: { kind: 'constant', warmupSteps: 0 },
};
const validation = { everySteps: 1, split: 'train' as const };
const run = (changes: Partial<RunSpec>, more: Partial<Parameters<typeof runAll>[0]> = {}) =>
  runAll({ spec: tinySpec({ ...plain, ...changes }), store, datasetManifest, ...more });
const validated = (events: Awaited<ReturnType<typeof runAll>>[number], metric = 'loss') =>
  eventsOf(events, 'score').flatMap(({ value }) =>
    value.stage === 'validation' && value.metric === metric ? value : [],
  );

test('the loss is that of a training step with these samples and weights, by the objective that is trained', async () => {
  // All 24 samples are one batch, of training as of validation; the rate is too small to move a weight.
  const still = { batch: { global: 24, shards: 4 }, optimizer: { learningRate: 1e-30, weightDecay: 0 } };
  for (const objective of [{ kind: 'infonce' }, { kind: 'siglip' }]) {
    const [events] = await run({ ...still, objective, duration: { steps: 1 }, validation });
    const step = eventsOf(events!, 'step')[0]!.value;
    const [seen] = validated(events!);
    expect(seen).toMatchObject({
      task: objective.kind,
      unit: 'number',
      split: 'train',
      step: 1,
      samples: 24,
    });
    // Sums of 24 rows in another order, in float32.
    expect(Math.abs(seen!.value - step.loss)).toBeLessThan(2e-5 * step.loss);
  }
});

test('it changes no weight, is the same on one, two and three ranks, and scores by tasks too', async () => {
  const all = await Promise.all(
    [1, 2, 3].map((worldSize) => run({ validation: { ...validation, tasks: ['zero-shot'] } }, { worldSize })),
  );
  const [one, ...others] = all.map(([events]) => events!);
  expect(validated(one!)).toHaveLength(3);
  expect(validated(one!, 'accuracy@1').map(({ step }) => step)).toEqual([1, 2, 3]);
  for (const other of others) {
    expect(eventsOf(other, 'score')).toEqual(eventsOf(one!, 'score'));
    expect(modelOf(other)).toEqual(modelOf(one!));
  }
  const [without] = await run({});
  expect(modelOf(one!).weightsSha256).toBe(modelOf(without!).weightsSha256);
});

describe('a rate that ruins what was learnt', () => {
  // Losses after the first steps: 2.598, 2.757, 2.516.
  const ruinous: Partial<RunSpec> = {
    ...{ duration: { steps: 2 }, validation, optimizer: { learningRate: 0.02, weightDecay: 0 } },
    checkpoint: { everySteps: 1, keep: 'best:loss' },
  };

  test('the best weights are published, those of a run that ends there', async () => {
    const [events] = await run(ruinous);
    const [first, second] = validated(events!).map(({ value }) => value);
    expect(first).toBeLessThan(second!);
    const [short] = await run({ ...ruinous, duration: { steps: 1 } });
    expect(modelOf(events!).weightsSha256).toBe(modelOf(short!).weightsSha256);
    const [last] = await run({ ...ruinous, checkpoint: { everySteps: 0 } });
    expect(modelOf(events!).weightsSha256).not.toBe(modelOf(last!).weightsSha256);
  });

  test('resumed from any checkpoint, on another number of ranks, it ends with the same files', async () => {
    for (const averaging of [undefined, 0.5]) {
      const spec = { ...ruinous, duration: { steps: 3 }, ...(averaging && { averaging }) };
      const [events] = await run(spec);
      expect(eventsOf(events!, 'checkpoint')).toHaveLength(3);
      for (const { value } of eventsOf(events!, 'checkpoint')) {
        const [again] = await run(spec, { checkpoint: value.sha256, worldSize: 2 });
        expect(modelOf(again!)).toEqual(modelOf(events!));
      }
    }
  });

  test('the run ends early where it is told to, and is resumed to the same end', async () => {
    const spec = { ...ruinous, duration: { steps: 8 }, earlyStopping: { patience: 1 } };
    const [events] = await run(spec, { worldSize: 3 });
    expect(eventsOf(events!, 'step')).toHaveLength(2);
    expect(eventsOf(events!, 'phase').map(({ value }) => value.message)).toContain(
      'stopped after step 2: validation has not become better',
    );
    for (const { value } of eventsOf(events!, 'checkpoint')) {
      const [again] = await run(spec, { checkpoint: value.sha256 });
      expect(modelOf(again!)).toEqual(modelOf(events!));
    }
    // Patience outlasts it.
    const [patient] = await run({ ...spec, duration: { steps: 3 }, earlyStopping: { patience: 2 } });
    expect(eventsOf(patient!, 'step')).toHaveLength(3);
  });
});

test('what decides about best and end is a function of the series', () => {
  const series = (values: number[], metric = 'loss') =>
    values.map((value, i) => ({ step: i + 1, values: { [metric]: value } }));
  const stop = { metric: 'loss', patience: 2, minDelta: 0 };
  expect(bestOf(series([3, 2, 2, 4]), 'loss')?.step).toBe(2);
  expect(bestOf(series([3, 5, 5, 4], 'zero-shot/accuracy@1'), 'zero-shot/accuracy@1')?.step).toBe(2);
  expect(bestOf(series([3, 2], 'retrieval/median_rank'), 'retrieval/median_rank')?.step).toBe(2);
  expect(bestOf(series([Number.NaN, 2]), 'loss')?.step).toBe(2);
  expect(bestOf(series([1, 2]), 'other')).toBe(undefined);
  expect(isStalled(series([3, 2, 2]), stop)).toBe(false);
  expect(isStalled(series([3, 2, 2, 2]), stop)).toBe(true);
  expect(isStalled(series([3, 2.9, 2.8]), { ...stop, minDelta: 0.5 })).toBe(true);
  expect(isStalled(series([Number.NaN, Number.NaN]), stop)).toBe(true);
  expect(isStalled([], stop)).toBe(false);
});

test('what cannot be is refused with every reason', () => {
  const spec = (changes: Partial<RunSpec>) => () => tinySpec({ ...plain, ...changes });
  const violations = (changes: Partial<RunSpec>) => {
    try {
      spec(changes)();
    } catch (error) {
      return (error as { violations: { path: string }[] }).violations.map(({ path }) => path);
    }
    return [];
  };
  expect(violations({ checkpoint: { keep: 'best:zero-shot/accuracy@1' } })).toEqual([]);
  expect(
    violations({
      validation: { everySteps: 1, tasks: [] },
      checkpoint: { keep: 'best:zero-shot/accuracy@1' },
      earlyStopping: { metric: 'retrieval/recall@1' },
    }),
  ).toEqual(['/checkpoint/keep', '/earlyStopping/metric']);
  expect(violations({ validation: { tasks: ['dancing'] } })).toEqual(['/validation/tasks/0']);
  expect(violations({ duration: { steps: 5000 }, validation: { everySteps: 1 } })).toEqual([
    '/validation/everySteps',
  ]);
  expect(tinySpec({ ...plain, earlyStopping: {} })).toMatchObject({
    validation: { everySteps: 1, split: 'validation', tasks: [] },
    earlyStopping: { metric: 'loss', patience: 3, minDelta: 0 },
  });
});
