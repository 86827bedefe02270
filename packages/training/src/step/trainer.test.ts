/** Whole optimizer steps against the reference: parameters after three steps, losses over thirty; then the same by shards. */
import { memoryGroups, shardRange } from '@triptych/collective';
import {
  type Batch,
  Clip,
  type ClipConfig,
  clipLayout,
  loadClipWeights,
  type Model,
  parseConfig,
  patchify,
  weightsOf,
} from '@triptych/models';
import { Parameters, selectBackend, tf } from '@triptych/nn';
import type { Backend } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { objectives } from '../objectives/registry.ts';
import { learningRateAt } from '../schedule.ts';
import { expectTensor, type GoldenCase, goldenJson, goldenTensors } from '../testing/golden.ts';
import { type StepOptions, Trainer, type TrainerOptions } from './trainer.ts';

const optimizer = { beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.2, clipNorm: 1 };

function openModel(name: GoldenCase) {
  const config = parseConfig(goldenJson(name, 'config'));
  return { config, weights: loadClipWeights(goldenTensors(name, 'model'), config) };
}

/** The batch cut into `shards` equal slices. */
function cut(
  pixels: Float32Array,
  ids: Int32Array,
  options: { config: ClipConfig; samples: number; shards: number },
) {
  const { config, samples, shards } = options;
  const { image_size: size, patch_size: patch } = config.vision_config;
  const each = samples / shards;
  const slice = <T extends Float32Array | Int32Array>(all: T, shard: number): T =>
    all.slice((shard * all.length) / shards, ((shard + 1) * all.length) / shards) as T;
  return Array.from({ length: shards }, (_, shard): Batch & { patches: Float32Array; ids: Int32Array } => ({
    samples: each,
    patches: patchify(slice(pixels, shard), { images: each, size, patch }),
    ids: slice(ids, shard),
  }));
}

/** The towers alone: the reference's vocabulary is too small for a tokenizer. */
function towersOf(config: ClipConfig, weights: Float32Array): Model {
  const parameters = new Parameters(clipLayout(config), weights);
  const clip = new Clip(config, weightsOf(parameters));
  const { image_size, patch_size } = config.vision_config;
  return {
    trainable: parameters,
    forward: (batch: Batch) => {
      const { samples, patches, ids } = batch as GoldenBatch;
      const shape = [samples, (image_size / patch_size) ** 2, 3 * patch_size ** 2] as [
        number,
        number,
        number,
      ];
      const images = tf.tidy(() => clip.encodeImages(tf.tensor3d(patches, shape)));
      return { kind: 'features', images, texts: clip.encodeText(ids, samples) };
    },
    [Symbol.dispose]: () => parameters.dispose(),
  } as Partial<Model> as Model;
}

interface GoldenBatch extends Batch {
  readonly patches: Float32Array;
  readonly ids: Int32Array;
}

/** A trainer of a CLIP model, and the model: both disposed together. */
async function trainerOf(
  { config, weights }: { config: ClipConfig; weights: Float32Array },
  options: Pick<TrainerOptions, 'group' | 'shards' | 'range' | 'samplesPerShard' | 'recompute'>,
  kind = 'infonce',
) {
  const { scalars, load } = objectives[kind]!;
  const model = towersOf(config, weights);
  const trainer = new Trainer({ model, objective: await load(), scalars, optimizer, ...options });
  return {
    step: (batches: readonly Batch[], options: StepOptions) => trainer.step(batches, options),
    weights: model.trainable.flat,
    [Symbol.dispose]: () => model[Symbol.dispose](),
  };
}

const stepOptions = (step: number, learningRate: number) => ({
  step,
  learningRate,
  signal: new AbortController().signal,
  samplesOf: (shard: number) => [`sample of shard ${shard}`],
});

async function afterThreeSteps(
  name: GoldenCase,
  options: { shards: number; ranks: number; recompute: boolean },
) {
  const { shards, ranks, recompute } = options;
  const inputs = goldenTensors(name, 'inputs').tensors;
  const ids = Int32Array.from(inputs.get('input_ids')!.float32());
  const pixels = inputs.get('pixel_values')!.float32();
  return await Promise.all(
    memoryGroups(ranks).map(async (group) => {
      const { config, weights } = openModel(name);
      const range = shardRange(group.rank, ranks, shards);
      const batches = cut(pixels, ids, { config, samples: 8, shards }).slice(range.start, range.end);
      using trainer = await trainerOf(
        { config, weights },
        { group, shards, range, samplesPerShard: 8 / shards, recompute },
      );
      const results = [];
      for (let step = 0; step < 3; step++) results.push(await trainer.step(batches, stepOptions(step, 1e-3)));
      return { weights: trainer.weights.slice(), results };
    }),
  );
}

test.each([
  ['cpu', 'clip-quickgelu'],
  ['wasm', 'clip-quickgelu'],
  ['wasm', 'clip-gelu'],
] as [Backend, GoldenCase][])(
  'on %s, %s has the reference parameters after three steps',
  async (backend, name) => {
    await selectBackend({ backend });
    const before = tf.memory().numTensors;
    const expected = goldenTensors(name, 'expected').tensors;
    const [outcome] = await afterThreeSteps(name, { shards: 1, ranks: 1, recompute: false });
    const { weights, results } = outcome!;
    const close = { relative: 1e-4, absolute: 1e-6 };
    expectTensor(
      'losses',
      results.map(({ loss }) => loss),
      { expected: expected.get('step_loss')!.float32(), ...close },
    );
    expectTensor(
      'norms',
      results.map(({ gradientNorm }) => gradientNorm),
      {
        expected: expected.get('step_grad_norm')!.float32(),
        ...close,
      },
    );
    for (const { name: parameter, offset, length } of clipLayout(openModel(name).config).named())
      expectTensor(parameter, weights.subarray(offset, offset + length), {
        expected: expected.get(`after3.${parameter}`)!.float32(),
        relative: 1e-4,
        // An Adam step divides by the gradient's own size: where that is rounding noise, so is the step.
        absolute: 2e-5,
      });
    expect(tf.memory().numTensors).toBe(before);
  },
);

test('shards on one, two and three ranks, kept or recomputed, give the same bits and the reference result', async () => {
  await selectBackend({ backend: 'wasm' });
  const [one] = await afterThreeSteps('clip-quickgelu', { shards: 4, ranks: 1, recompute: false });
  const others = [
    ...(await afterThreeSteps('clip-quickgelu', { shards: 4, ranks: 1, recompute: true })),
    ...(await afterThreeSteps('clip-quickgelu', { shards: 4, ranks: 2, recompute: false })),
    ...(await afterThreeSteps('clip-quickgelu', { shards: 4, ranks: 3, recompute: true })),
  ];
  expect(others.length).toBe(6);
  const bits = ({ weights }: { weights: Float32Array }) => Buffer.from(weights.buffer).toString('base64');
  for (const other of others) expect(bits(other) === bits(one!)).toBe(true);
  const expected = goldenTensors('clip-quickgelu', 'expected').tensors.get('step_loss')!.float32();
  expectTensor(
    'losses',
    one!.results.map(({ loss }) => loss),
    { expected, relative: 1e-4, absolute: 1e-6 },
  );
});

test('thirty steps follow the reference trajectory', async () => {
  await selectBackend({ backend: 'wasm' });
  const { config, weights } = openModel('clip-quickgelu');
  const inputs = goldenTensors('clip-trajectory', 'inputs').tensors;
  const expected = goldenTensors('clip-trajectory', 'expected').tensors;
  const pixels = inputs
    .get('pixels_u8')!
    .float32()
    .map((byte) => (byte - 128) / 64);
  const ids = Int32Array.from(inputs.get('input_ids')!.float32());
  const [group] = memoryGroups(1);
  using trainer = await trainerOf(
    { config, weights },
    { group: group!, shards: 2, range: { start: 0, end: 2 }, samplesPerShard: 8, recompute: false },
  );
  const schedule = { schedule: { kind: 'cosine', warmupSteps: 5 }, peak: 5e-4, totalSteps: 30 } as const;
  const losses = expected.get('loss')!.float32();
  const norms = expected.get('grad_norm')!.float32();
  for (let step = 0; step < 30; step++) {
    const at = <T extends Float32Array | Int32Array>(all: T) =>
      all.slice((step * all.length) / 30, ((step + 1) * all.length) / 30) as T;
    const batches = cut(at(pixels), at(ids), { config, samples: 16, shards: 2 });
    const result = await trainer.step(batches, stepOptions(step, learningRateAt(step, schedule)));
    expect(Math.abs(result.loss - losses[step]!), `loss at step ${step}`).toBeLessThan(1e-3);
    expect(Math.abs(result.gradientNorm / norms[step]! - 1), `norm at step ${step}`).toBeLessThan(1e-2);
  }
  for (const { name, offset, length } of clipLayout(config).named()) {
    const norm = Math.hypot(...trainer.weights.subarray(offset, offset + length));
    const reference = expected.get(`final_norm.${name}`)!.float32()[0]!;
    expect(Math.abs(norm / reference - 1), `norm of ${name}`).toBeLessThan(1e-4);
  }
});

test('features that are not finite stop every rank with step, shard and samples', async () => {
  await selectBackend({ backend: 'wasm' });
  const outcomes = memoryGroups(2).map(async (group) => {
    const { config, weights } = openModel('clip-quickgelu');
    using trainer = await trainerOf(
      { config, weights },
      {
        group,
        shards: 2,
        range: { start: group.rank, end: group.rank + 1 },
        samplesPerShard: 2,
        recompute: false,
      },
      'siglip',
    );
    const pixels = new Float32Array(2 * 3 * 32 * 32).fill(group.rank === 1 ? Number.NaN : 1);
    const batches = cut(pixels, new Int32Array(2 * 16).fill(255), { config, samples: 2, shards: 1 });
    await trainer.step(batches, stepOptions(7, 1e-3));
  });
  for (const outcome of await Promise.allSettled(outcomes))
    expect(outcome).toMatchObject({
      reason: {
        code: 'LOSS_NOT_FINITE',
        message: expect.stringMatching(/images of shard 1 .* step 7 \(samples sample of shard 1\)/),
      },
    });
});
