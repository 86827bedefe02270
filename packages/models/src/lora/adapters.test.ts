/** Adapters beside Llama against PEFT's: logits, loss, their gradients, and the merged weights. */
import { readFileSync } from 'node:fs';
import {
  gradientsInto,
  ParameterLayout,
  Parameters,
  readSafetensors,
  record,
  selectBackend,
  tf,
} from '@triptych/nn';
import { describe, expect, test } from 'vitest';
import { parseLlamaConfig } from '../catalog/llama-config.ts';
import { llamaParameters } from '../catalog/llama-parameters.ts';
import { llamaLayout } from '../llama/layout.ts';
import { Llama } from '../llama/llama.ts';
import { selfAttention } from '../llama/sequences.ts';
import { loadLlamaWeights } from '../llama/weight-file.ts';
import type { AdapterOptions } from '../model.ts';
import { DecoderBatch } from '../testing/decoder-batch.ts';
import { expectTensor, openCase, sameBits } from '../testing/golden.ts';
import { type Projection, plainProjection } from '../transformer/projection.ts';
import type { Weights } from '../transformer/weights.ts';
import { anyNames } from '../weights/dialect.ts';
import { drawWeights, normal } from '../weights/drawn-weights.ts';
import { flattenWeights, type WeightInMemory, weightsInMemory } from '../weights/weight-file.ts';
import { Adapters, drawOfAdapter } from './adapters.ts';
import type { AdapterTarget } from './options.ts';

const base = openCase('llama');
const config = parseLlamaConfig(base.config);
const sample = new DecoderBatch(base);
const baseFlat = loadLlamaWeights(base.weights, config);

const file = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/lora/${name}`, import.meta.url)));
const stated = JSON.parse(new TextDecoder().decode(file('adapter_config.json')));
const options: AdapterOptions = {
  rank: stated.r,
  alpha: stated.lora_alpha,
  rankStabilised: stated.use_rslora,
  dropout: stated.lora_dropout,
};
const expected = readSafetensors(file('expected.safetensors')).tensors;
const PREFIX = 'base_model.model.';

/** As PEFT's file has them, without its prefix. */
const trained = new Map<string, WeightInMemory>(
  [...weightsInMemory(readSafetensors(file('adapter_model.safetensors')), anyNames)].map(([name, weight]) => [
    name.slice(PREFIX.length),
    weight,
  ]),
);
// PEFT's own float32 result is this far from its float64 one.
const forward = { relative: 5e-5, absolute: 1e-5 };
const backward = { relative: 1e-4, absolute: 1e-7 };

interface Store extends Disposable {
  readonly adapters: Adapters;
  readonly base: Parameters;
  readonly own: Parameters;
  readonly weights: Weights;
}

function store(adapters: Adapters, flat: (layout: ParameterLayout) => Float32Array): Store {
  const layout = new ParameterLayout(adapters.parameters());
  const [frozen, own] = [
    new Parameters(llamaLayout(config), baseFlat.slice()),
    new Parameters(layout, flat(layout)),
  ];
  const keys = new Set(layout.specs.map(({ key }) => key));
  const weights = ((key: string) => (keys.has(key) ? own : frozen).tensor(key)) as Weights;
  const dispose = () => {
    own.dispose();
    frozen.dispose();
  };
  return { adapters, base: frozen, own, weights, [Symbol.dispose]: dispose };
}

const goldenStore = () =>
  store(new Adapters(llamaParameters(config), options, stated.target_modules as AdapterTarget[]), (layout) =>
    flattenWeights(trained, layout),
  );

/** Adapters of some of the matrices, with numbers that matter. */
const partial = (more: Partial<AdapterOptions> = {}) =>
  store(
    new Adapters(llamaParameters(config), { ...options, ...more }, ['q_proj', 'v_proj', 'up_proj', 'o_proj']),
    (layout) => drawWeights(layout, 3, () => normal(0.1)),
  );

function hiddenOf(
  weights: Weights,
  { projection, memory = 'keep' }: { projection: Projection; memory?: 'keep' | 'checkpoint' },
): tf.Tensor3D {
  const llama = new Llama(config, weights, { memory, projection });
  return tf.tidy(() => llama.decode(llama.embed(sample.ids, sample.batch), selfAttention(config, sample)));
}

const logitsOf = (weights: Weights, projection: Projection): Float32Array =>
  tf.tidy(() =>
    new Llama(config, weights).logits(hiddenOf(weights, { projection })).dataSync<'float32'>().slice(),
  );

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  test('they compute what PEFT computes', async () => {
    await selectBackend({ backend });
    const before = tf.memory().numTensors;
    {
      using golden = goldenStore();
      const { own, weights, adapters } = golden;
      using recording = record(own.tensors(), () => {
        const hidden = hiddenOf(weights, { projection: adapters.projection() });
        const logits = new Llama(config, weights).logits(hidden) as tf.Tensor3D;
        return [logits, sample.meanLoss(logits)];
      });
      const [logits, loss] = recording.outputs;
      const real = (values: Float32Array) => sample.realRows(values, config.vocab_size);
      const wanted = (name: string) => expected.get(name)!.float32();
      expectTensor('logits', real(logits!.dataSync<'float32'>()), real(wanted('logits')), forward);
      expectTensor('loss', loss!.dataSync(), wanted('loss'), forward);
      const seeds = [tf.zerosLike(logits!), tf.onesLike(loss!)];
      const gradients = recording.backward(seeds);
      const flat = new Float32Array(own.layout.length);
      await gradientsInto(gradients, own.layout, flat);
      tf.dispose([...gradients, ...seeds]);
      for (const { name, offset, length } of own.layout.named())
        expectTensor(name, flat.subarray(offset, offset + length), wanted(`grad.${PREFIX}${name}`), backward);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('merged they are what PEFT merges', async () => {
    await selectBackend({ backend });
    using golden = goldenStore();
    await merge(golden);
    for (const [name, tensor] of expected)
      if (name.startsWith('merged.')) {
        const { offset, length } = named(name.slice('merged.'.length));
        expectTensor(name, golden.base.flat.subarray(offset, offset + length), tensor.float32(), forward);
      }
    const real = (values: Float32Array) => sample.realRows(values, config.vocab_size);
    const merged = logitsOf(golden.weights, plainProjection);
    expectTensor('logits', real(merged), real(expected.get('logits_merged')!.float32()), forward);
  });

  test('of some parts of a packed matrix, and rank-stabilised, they merge to the same model', async () => {
    await selectBackend({ backend });
    using some = partial({ rankStabilised: true });
    const unmerged = logitsOf(some.weights, some.adapters.projection());
    await merge(some);
    expectTensor('logits', logitsOf(some.weights, plainProjection), unmerged, forward);
    expect(await some.adapters.delta('model.layers.0.self_attn.k_proj.weight', some.weights)).toBeUndefined();
  });

  test('fresh ones change nothing, bit for bit', async () => {
    await selectBackend({ backend });
    using fresh = store(new Adapters(llamaParameters(config), options), (layout) => {
      const shapes = new Map([...layout.named()].map(({ name, shape }) => [name, shape]));
      return drawWeights(layout, 1, (name) => drawOfAdapter({ name, shape: shapes.get(name)! }));
    });
    const [plain, adapted] = [plainProjection, fresh.adapters.projection()].map((projection) =>
      logitsOf(fresh.weights, projection),
    );
    expect(sameBits(plain!, adapted!)).toBe(true);
    const a = fresh.own.flat.filter((value) => value !== 0);
    // Uniform within 1 / sqrt(in): the widest layer is the narrowest draw.
    expect(Math.max(...a)).toBeLessThanOrEqual(config.hidden_size ** -0.5);
    expect(Math.max(...a)).toBeGreaterThan(0.95 * config.hidden_size ** -0.5);
  });

  test('dropout draws from seed, step, shard and layer, in a checkpointed block too', async () => {
    await selectBackend({ backend });
    using some = partial({ dropout: 0.3 });
    const draw = { seed: 1, step: 2, shard: 3 };
    const results = (how: typeof draw | undefined, memory: 'keep' | 'checkpoint' = 'keep') =>
      tf.tidy(() => {
        const projection = some.adapters.projection(how);
        using recording = record(some.own.tensors(), () => [hiddenOf(some.weights, { projection, memory })]);
        const gradients = recording.backward(recording.outputs);
        return [...recording.outputs, ...gradients].map((tensor) => tensor.dataSync<'float32'>().slice());
      });
    const first = results(draw);
    const same = (others: Float32Array[]) => first.every((values, i) => sameBits(values, others[i]!));
    expect(same(results(draw))).toBe(true);
    expect(same(results(draw, 'checkpoint'))).toBe(true);
    for (const other of [{ ...draw, seed: 9 }, { ...draw, step: 9 }, { ...draw, shard: 9 }, undefined])
      expect(sameBits(results(other)[0]!, first[0]!)).toBe(false);
    expect(
      sameBits(
        results(undefined)[0]!,
        tf.tidy(() =>
          hiddenOf(some.weights, { projection: some.adapters.projection() }).dataSync<'float32'>().slice(),
        ),
      ),
    ).toBe(true);
  });
});

const named = (name: string) => [...llamaLayout(config).named()].find((one) => one.name === name)!;

/** Adds what the adapters say to the base weights of the store. */
async function merge({ base: frozen, adapters, weights }: Store): Promise<void> {
  for (const { name, offset } of frozen.layout.named()) {
    const delta = await adapters.delta(name, weights);
    delta?.forEach((value, i) => {
      frozen.flat[offset + i]! += value;
    });
  }
  frozen.upload();
}
