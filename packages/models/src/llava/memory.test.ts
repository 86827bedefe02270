/** The counts of memory.ts against what the wasm heap really holds. */
import { ParameterLayout, Parameters, type Recording, record, selectBackend, tf } from '@triptych/nn';
import { beforeAll, describe, expect, test } from 'vitest';
import { llamaParameters } from '../catalog/llama-parameters.ts';
import { isInGroups } from '../grouped-tensor.ts';
import { rowsAt } from '../llama/next-token.ts';
import { Adapters } from '../lora/adapters.ts';
import { HeapMeter } from '../testing/heap-meter.ts';
import type { Projection } from '../transformer/projection.ts';
import type { Weights } from '../transformer/weights.ts';
import type { LlavaConfig } from './config.ts';
import { llavaLayout } from './layout.ts';
import { Llava } from './llava.ts';
import { keptBytes, type LlavaShape, peakBackwardBytes, peakForwardBytes } from './memory.ts';
import { DECODER_PREFIX, llavaParameters } from './parameters.ts';
import { llavaPresets } from './presets.ts';

let meter: HeapMeter;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  meter = new HeapMeter();
});

const small = llavaPresets['llava-small']!.config;
const tiny = llavaPresets['llava-tiny']!.config;
const vision_config = { ...tiny.vision_config, image_size: 64, patch_size: 4, num_hidden_layers: 5 };
const manyPatches = {
  ...tiny,
  vision_config,
  image_seq_length: 256,
  text_config: { ...tiny.text_config, max_position_embeddings: 1024 },
};

type Sizes = Pick<LlavaShape, 'samples' | 'tokens' | 'images' | 'targets'>;
const configs: [string, LlavaConfig, Sizes][] = [
  ['llava-small', small, { samples: 16, tokens: 48, images: 16, targets: 100 }],
  ['long texts', small, { samples: 2, tokens: 200, images: 4, targets: 300 }],
  ['many patches', manyPatches, { samples: 2, tokens: 300, images: 2, targets: 12 }],
];
type Method = 'full' | 'projector' | 'lora' | 'scratch';
const methods = ['scratch', 'full', 'projector', 'lora'] as const;

describe.each(configs)('%s', (_, config, sizes) => {
  test.each(methods.flatMap((method) => [[method, 'keep'] as const, [method, 'checkpoint'] as const]))(
    '%s, %s',
    (method, memory) => {
      const shape = shapeOf(sizes, { method, memory });
      using stores = open(config, shape);
      const llava = stores.llava({ memory, frozenVision: !shape.visionTrained });
      const inputs = stores.trained(method);
      const { result: recording, left: kept } = meter.measure(() =>
        record(inputs, () => [forward(llava, shape, stores.projection)]),
      );
      const { peak: backward } = meter.measure(() => drain(recording));
      expectWithin(keptBytes(config, shape) / kept, 0.95, 1.05);
      expectWithin(peakBackwardBytes(config, shape) / (kept + backward), 0.95, 1.2);
    },
  );

  test('not recorded', () => {
    const shape = shapeOf(sizes, { method: 'full', memory: 'keep' });
    using stores = open(config, shape);
    const { peak, left } = meter.measure(() => forward(stores.llava({}), shape).dispose());
    expect(left).toBe(0);
    expectWithin(peakForwardBytes(config, shape) / peak, 0.95, 1.4);
  });
});

const shapeOf = (
  sizes: Sizes,
  { method, memory }: { readonly method: Method; readonly memory: 'keep' | 'checkpoint' },
): LlavaShape => ({
  ...sizes,
  memory,
  visionTrained: method === 'scratch',
  ...(method === 'lora' && { adapters: { rank: 8, dropout: true } }),
});

function open(config: LlavaConfig, { adapters: shape }: LlavaShape) {
  const own = new Parameters(llavaLayout(config));
  const options = { rank: shape?.rank ?? 1, alpha: 16, rankStabilised: false, dropout: 0.1 };
  const adapters = new Adapters(llamaParameters(config.text_config, DECODER_PREFIX), options);
  const beside = new Parameters(new ParameterLayout(shape ? adapters.parameters() : []));
  const keys = new Set(beside.layout.specs.map(({ key }) => key));
  const weights = ((key: string) => (keys.has(key) ? beside : own).tensor(key)) as Weights;
  const projection = shape && adapters.projection({ seed: 1, step: 1, shard: 1 });
  return {
    projection,
    llava: (how: ConstructorParameters<typeof Llava>[2]) => new Llava(config, weights, how),
    trained(method: Method) {
      const groups = { scratch: ['vision', 'projector', 'decoder'], full: ['projector', 'decoder'] };
      const trains = method === 'scratch' || method === 'full' ? groups[method] : ['projector'];
      const tensors = llavaParameters(config).filter(({ group }) => isInGroups(group, trains));
      return [...tensors.map(({ key }) => own.tensor(key)), ...beside.tensors()];
    },
    [Symbol.dispose]() {
      own.dispose();
      beside.dispose();
    },
  };
}

function forward(
  llava: Llava,
  { samples, tokens, images, targets }: LlavaShape,
  projection?: Projection,
): tf.Tensor {
  const { vision_config: vision, image_token_index, image_seq_length } = llava.config;
  const ids = new Int32Array(samples * tokens);
  const each = images / samples;
  for (let text = 0; text < samples; text++)
    ids.fill(image_token_index, text * tokens, text * tokens + each * image_seq_length);
  return tf.tidy(() => {
    const rows = tf.tidy(() => {
      const patches = (vision.image_size / vision.patch_size) ** 2;
      return llava.project(llava.imageFeatures(tf.zeros([images, patches, 3 * vision.patch_size ** 2])));
    });
    const texts = { ids, batch: samples, length: tokens, imageCounts: new Array<number>(samples).fill(each) };
    const hidden = llava.decode(texts, rows, { ...(projection && { projection }) });
    return llava.logits(
      rowsAt(
        hidden,
        Int32Array.from({ length: targets }, (_, i) => i),
      ),
    );
  });
}

/** As a training step does: the gradient of the logits stays the caller's. */
function drain(recording: Recording): void {
  const seeds = recording.outputs.map((output) => tf.zerosLike(output));
  for (const { gradient } of recording.drain(seeds)) gradient.dispose();
  tf.dispose(seeds);
}

/** Alignment, vectors, and what is there for a moment around the widest layer are not counted one by one. */
function expectWithin(ratio: number, least: number, most: number): void {
  expect(ratio).toBeGreaterThan(least);
  expect(ratio).toBeLessThan(most);
}
