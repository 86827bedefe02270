import { presets } from '@triptych/models/catalog';
import { ResolvedRunSpec, TriptychError, violationsOf } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { resolveRunSpec } from './resolve-run-spec.ts';
import { totalSteps } from './steps.ts';

const { architecture, config: modelConfig } = presets.get('clip-tiny')!;
const spec = { model: 'clip-tiny', dataset: 'scenes' };
const split = (name: 'train' | 'validation' | 'test', images: number, classes = 7, captions = images) => ({
  split: name,
  samples: images,
  images,
  classes,
  captions,
  contents: { captions: images, interleaved: 0, question: 0, conversation: 0 },
});

function problems(run: () => unknown): Record<string, string> {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(TriptychError);
    return Object.fromEntries((error as TriptychError).violations.map((v) => [v.path, v.remedy]));
  }
  return {};
}

test('the shortest spec becomes a complete valid one', () => {
  const resolved = resolveRunSpec(spec, { architecture, modelConfig, dataset: { trainSamples: 2400 } });
  expect(violationsOf(ResolvedRunSpec, resolved)).toEqual([]);
  expect(resolved.batch).toEqual({ global: 16, shards: 4 });
  // 2 epochs of 150 steps, a tenth of them to warm up.
  expect(totalSteps(resolved, 2400)).toBe(300);
  expect(resolved.schedule.warmupSteps).toBe(30);
  expect(resolved.workers).toEqual({ min: 1, max: 4, pool: 'default' });
});

test('a run with adapters goes on with the one that its model brings, where it says nothing else', () => {
  const { architecture: llava, config } = presets.get('llava-tiny')!;
  const brought = { rank: 4, alpha: 6, dropout: 0.2, rankStabilised: true };
  const adapterOf = (more: object, adapter?: typeof brought) =>
    resolveRunSpec(
      { model: 'llava-tiny', dataset: 'scenes', method: 'lora', ...more },
      {
        architecture: llava,
        modelConfig: config,
        dataset: { trainSamples: 2400 },
        ...(adapter && { adapter }),
      },
    ).adapter;
  expect(adapterOf({}, brought)).toEqual(brought);
  expect(adapterOf({ adapter: { rank: 8 } }, brought)).toEqual({ ...brought, rank: 8 });
  expect(adapterOf({})).toEqual({ rank: 16, alpha: 32, dropout: 0.05, rankStabilised: false });
  expect(adapterOf({ method: 'full' }, brought)).toBeUndefined();
});

test('what the user says wins over the recipe, field by field', () => {
  const resolved = resolveRunSpec(
    { ...spec, optimizer: { learningRate: 0.5 }, batch: { global: 30 }, seed: 7 },
    { architecture, modelConfig, dataset: { trainSamples: 100 } },
  );
  expect(resolved.optimizer).toMatchObject({ learningRate: 0.5, beta2: 0.98 });
  // 4 does not divide 30; 3 does.
  expect(resolved.batch).toEqual({ global: 30, shards: 3 });
  expect(resolved.seed).toBe(7);
});

test('a default batch fits a small dataset', () => {
  const { batch } = resolveRunSpec(spec, { architecture, modelConfig, dataset: { trainSamples: 10 } });
  expect(batch).toEqual({ global: 10, shards: 2 });
});

test('weights that exist are fine-tuned gently', () => {
  const context = { architecture, modelConfig, pretrained: true, dataset: { trainSamples: 2400 } };
  expect(resolveRunSpec({ ...spec, model: 'mine' }, context).optimizer.learningRate).toBe(1e-5);
});

test('evaluation follows what the dataset holds', () => {
  const resolve = (...splits: ReturnType<typeof split>[]) =>
    resolveRunSpec(spec, { architecture, modelConfig, dataset: { trainSamples: 100, splits } }).evaluation;
  expect(resolve(split('train', 100), split('validation', 10), split('test', 0))).toMatchObject({
    split: 'validation',
    tasks: ['zero-shot', 'retrieval'],
  });
  expect(resolve(split('train', 100), split('test', 10, 0)).tasks).toEqual(['retrieval']);
  expect(resolve(split('train', 100)).tasks).toEqual([]);
});

test('every cross-field problem is reported at once, each with a remedy', () => {
  const run = () =>
    resolveRunSpec(
      {
        ...spec,
        batch: { global: 100, shards: 8 },
        workers: { min: 20, max: 16 },
        duration: { steps: 50 },
        schedule: { warmupSteps: 90_000 },
        evaluation: { split: 'test', tasks: ['zero-shot', 'retrieval'] },
      },
      {
        architecture,
        modelConfig,
        dataset: { trainSamples: 5000, splits: [split('train', 5000), split('test', 9, 1, 0)] },
      },
    );
  expect(problems(run)).toEqual({
    '/batch/global': 'use 96 or 104',
    '/workers/max': 'use at most 8 workers, or raise batch.shards',
    '/workers/min': 'lower min or raise max',
    '/schedule/warmupSteps': 'use about 5 (a tenth), or train longer',
    '/evaluation/tasks': 'leave "retrieval" out, or register a dataset with captions',
  });
});

test('a batch larger than the dataset, and a split without images', () => {
  const run = () =>
    resolveRunSpec(
      {
        ...spec,
        batch: { global: 64, shards: 8 },
        evaluation: { split: 'validation', tasks: ['retrieval'] },
      },
      { architecture, modelConfig, dataset: { trainSamples: 40, splits: [split('train', 40)] } },
    );
  expect(problems(run)).toEqual({
    '/batch/global': 'use a smaller batch or a larger dataset',
    '/evaluation/split': 'use "train", or evaluate nothing with tasks []',
  });
});

test('no remedy is absurd: fields that depend on each other are compared where each is sound', () => {
  const refused = (more: object, trainSamples = 2400) =>
    problems(() =>
      resolveRunSpec({ ...spec, ...more }, { architecture, modelConfig, dataset: { trainSamples } }),
    );
  expect(Object.keys(refused({ duration: { steps: -5 } }))).toEqual(['/duration/steps']);
  expect(Object.keys(refused({ batch: { global: Number.NaN } }))).toEqual(['/batch/global']);
  expect(Object.keys(refused({ batch: { shards: 0 } }))).toEqual(['/batch/shards']);
  expect(refused({}, 1)['/batch/global']).toContain('larger dataset');
  expect(refused({}, 1)['/batch/global']).not.toContain('smaller batch');
  expect(refused({ duration: { epochs: 10_000 } }, 100_000_000)).toHaveProperty(['/duration/epochs']);
});

test.each(['constructor', 'toString', '__proto__'])('"%s" is no name of a registry', (name) => {
  const refused = (more: object) =>
    Object.keys(
      problems(() =>
        resolveRunSpec({ ...spec, ...more }, { architecture, modelConfig, dataset: { trainSamples: 99 } }),
      ),
    );
  expect(refused({ method: name })).toEqual(['/method']);
  expect(refused({ objective: { kind: name } })).toEqual(['/objective/kind']);
  expect(refused({ evaluation: { tasks: [name] } })).toEqual(['/evaluation/tasks/0']);
  expect(refused({ towers: Object.fromEntries([[name, 'clip']]) })).toEqual([`/towers/${name}`]);
  expect(refused({ inputs: Object.fromEntries([[name, 1]]) })).toEqual([`/inputs/${name}`]);
});
