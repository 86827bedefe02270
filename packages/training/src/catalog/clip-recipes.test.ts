/** CLIP's methods at submission: their recipes, and what cannot work, each with its field and a remedy. */

import { presets } from '@triptych/models/catalog';
import type { RunSpec, TriptychError, Violation } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { estimateMemory } from './estimate-memory.ts';
import { resolveRunSpec } from './resolve-run-spec.ts';
import { configForRun } from './run-config.ts';
import { partition, trainedGroups } from './trained-tensors.ts';

const { architecture, config: modelConfig } = presets.get('clip-tiny')!;
const classNames = ['circle', 'square', 'star'];
const splits = (['train', 'test'] as const).map((split) => ({
  split,
  samples: 1000,
  images: 1000,
  classes: 3,
  captions: 1000,
  contents: { captions: 1000, interleaved: 0, question: 0, conversation: 0 },
}));

function resolve(changes: Partial<RunSpec>, context: { classNames?: string[]; pretrained?: boolean } = {}) {
  const { pretrained = true, ...dataset } = { classNames, ...context };
  return resolveRunSpec(
    { model: 'mine', ...(changes.datasets ? {} : { dataset: 'shapes' }), ...changes },
    { architecture, modelConfig, pretrained, dataset: { trainSamples: 1000, splits, ...dataset } },
  );
}

function violationOf(run: () => unknown): Violation {
  try {
    run();
  } catch (error) {
    const { violations } = error as TriptychError;
    expect(violations).toHaveLength(1);
    return violations[0]!;
  }
  throw new Error('nothing was refused');
}

test('a probe: its head alone, cross entropy, scored by the head', () => {
  const spec = resolve({ method: 'probe' });
  expect(spec.objective).toEqual({ kind: 'cross-entropy' });
  expect(spec.optimizer).toMatchObject({ learningRate: 1e-3, weightDecay: 0 });
  expect(spec.evaluation.tasks).toEqual(['classification']);
  const config = configForRun({ architecture, config: modelConfig }, { ...spec, classNames });
  const { trained } = partition({ architecture, config }, spec);
  expect(trained.map(({ key, shape }) => [key, shape])).toEqual([
    ['classifier.weight', [3, 32]],
    ['classifier.bias', [3]],
  ]);
});

test('WiSE-FT: image tower and head, as its authors train', () => {
  const sweep = [0, 0.5, 1];
  const spec = resolve({ method: 'classifier', evaluation: { sweep } });
  expect(spec.optimizer).toMatchObject({ learningRate: 3e-5, weightDecay: 0.1, clipNorm: 1 });
  expect(spec.batch.global).toBe(512);
  expect(spec.evaluation).toMatchObject({ tasks: ['classification', 'zero-shot'], sweep });
  expect(trainedGroups({ architecture }, spec).trains).toEqual(['classifier', 'vision']);
});

test('a frozen tower keeps no activations', () => {
  const base = presets.get('clip-vit-base-patch32')!;
  const memory = (method: string) => {
    const spec = { ...resolve({ method, batch: { global: 64, shards: 4 } }), worldSize: 4 };
    const config = configForRun(base, { ...spec, classNames });
    return estimateMemory({ ...base, config }, { ...spec, trainSamples: 1000, evaluates: false }).parts;
  };
  expect(memory('probe').optimizer).toBe(4 * 4 * 3 * 513);
  expect(memory('probe').activations).toBeLessThan(memory('classifier').activations / 10);
  expect(memory('classifier').activations).toBeLessThan(memory('full').activations);
});

test.each<[string, Partial<RunSpec>, Parameters<typeof resolve>[1], Partial<Violation>]>([
  [
    'a probe of one class',
    { method: 'probe' },
    { classNames: ['circle'] },
    {
      path: '/dataset',
      expected: 'two classes at least in split "train" for the method "probe"',
      actual: '1',
      remedy: 'register a dataset with class labels, or use the method "full" or "locked-image"',
    },
  ],
  [
    'a head over two datasets',
    { method: 'probe', datasets: [{ name: 'shapes' }, { name: 'others' }] },
    {},
    { path: '/datasets', actual: '2', remedy: 'join them into one dataset, or train on the first one alone' },
  ],
  [
    'a probe with pairs',
    { method: 'probe', objective: { kind: 'infonce' } },
    {},
    { path: '/objective/kind', expected: expect.stringContaining('"probe": cross-entropy') },
  ],
  [
    'pairs with classes',
    { method: 'full', objective: { kind: 'cross-entropy' } },
    {},
    { path: '/objective/kind', expected: expect.stringContaining('"full": infonce, siglip') },
  ],
  [
    'label smoothing of one',
    { method: 'probe', objective: { kind: 'cross-entropy', ...{ labelSmoothing: 1 } } },
    {},
    { path: '/objective/labelSmoothing' },
  ],
  [
    'a head that is not there',
    { method: 'full', evaluation: { tasks: ['classification'] } },
    {},
    { path: '/evaluation/tasks/0', expected: expect.stringContaining('"full": zero-shot, retrieval') },
  ],
  [
    'a sweep from random weights',
    { method: 'classifier', evaluation: { sweep: [0.5] } },
    { pretrained: false },
    { path: '/evaluation/sweep', remedy: 'start from an imported or trained model, or leave it out' },
  ],
  [
    'interpolation from random weights',
    { method: 'classifier', interpolation: 0.5 },
    { pretrained: false },
    { path: '/interpolation', actual: '0.5' },
  ],
  [
    'a sweep that nothing is scored by',
    { method: 'classifier', evaluation: { sweep: [0.5], tasks: [] } },
    {},
    { path: '/evaluation/sweep', expected: 'a task in evaluation.tasks to score by' },
  ],
  [
    'a rate of a group that is locked',
    { method: 'locked-image', groups: { 'vision/1': { learningRate: 1e-4 } } },
    {},
    {
      path: '/groups/vision~11',
      expected: 'a group that the method "locked-image" trains: scale, text',
      actual: '"vision/1", which stays as it is',
      remedy: 'leave it out, unlock it, or choose another method',
    },
  ],
  [
    'a group that the model does not have',
    { method: 'locked-image', unlock: ['vision/9'] },
    {},
    { path: '/unlock/0', actual: '"vision/9"' },
  ],
])('%s is refused', (_, changes, context, expected) => {
  expect(violationOf(() => resolve(changes, context))).toMatchObject(expected);
});

test('a locked group that is unlocked has its own rate', () => {
  const groups = { 'vision/1': { learningRate: 1e-4 } };
  expect(resolve({ method: 'locked-image', unlock: ['vision/1'], groups }).groups).toEqual(groups);
});
