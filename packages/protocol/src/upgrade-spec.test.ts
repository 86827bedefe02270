/** Specs as earlier releases stored them, written down; each must be one of today after the upgrade. */
import { expect, test } from 'vitest';
import { ResolvedRunSpec } from './run-spec.ts';
import { upgradeSpec } from './upgrade-spec.ts';
import { violationsOf } from './validate.ts';

const first = {
  ...{ model: 'clip-small', dataset: 'scenes', seed: 7, objective: { kind: 'infonce' }, priority: 50 },
  ...{ duration: { epochs: 3 }, batch: { global: 64, shards: 8 } },
  optimizer: {
    ...{ kind: 'adamw', learningRate: 0.001, beta1: 0.9, beta2: 0.98, epsilon: 1e-6 },
    ...{ weightDecay: 0.1, clipNorm: 1 },
  },
  schedule: { kind: 'cosine', warmupSteps: 10 },
  checkpoint: { everySteps: 50 },
  evaluation: { tasks: ['retrieval', 'zero-shot'], split: 'test', baseline: true },
  workers: { min: 1, max: 2, pool: 'default' },
};

const releases: readonly [string, object, object][] = [
  ['the first', first, { memory: 'keep', method: 'full', inputs: {} }],
  ['with memory', { ...first, memory: 'checkpoint' }, { memory: 'checkpoint', method: 'full', inputs: {} }],
  [
    'with methods, several architectures and datasets',
    {
      ...{ ...first, model: 'llava-tiny', method: 'lora', memory: 'keep', inputs: { maxLength: 64 } },
      adapter: { rank: 8, alpha: 16, dropout: 0, rankStabilised: false },
      datasets: [{ name: 'scenes', weight: 1, lossWeight: 1 }],
      objective: { kind: 'next-token' },
    },
    { method: 'lora', inputs: { maxLength: 64 } },
  ],
];

test.each(releases)(
  'a spec of the release %s is one of today, and keeps all it said',
  (_, stored, expected) => {
    const upgraded = upgradeSpec(stored);
    expect(violationsOf(ResolvedRunSpec, upgraded)).toEqual([]);
    expect(upgraded).toEqual({ ...stored, ...expected });
    expect(upgradeSpec(upgraded)).toEqual(upgraded);
  },
);

test.each([null, 7, 'text', [], { model: 7 }])('what is no spec does not become one: %j', (stored) => {
  expect(violationsOf(ResolvedRunSpec, upgradeSpec(stored)).length).toBeGreaterThan(0);
});

test('without the upgrade the first would not be one', () => {
  expect(violationsOf(ResolvedRunSpec, first).map(({ path }) => path)).toEqual(
    expect.arrayContaining(['/memory', '/method', '/inputs']),
  );
});
