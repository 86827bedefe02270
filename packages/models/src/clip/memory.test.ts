/** The counts of catalog/memory.ts against what the wasm heap really holds. */
import { Parameters, type Recording, record, selectBackend, tf } from '@triptych/nn';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  activationBytes,
  backwardBytes,
  type ClipConfig,
  clipPresets,
  forwardBytes,
} from '../catalog/index.ts';
import { HeapMeter } from '../testing/heap-meter.ts';
import { weightsOf } from '../transformer/weights.ts';
import { Clip } from './clip.ts';
import { clipLayout } from './layout.ts';

let meter: HeapMeter;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  meter = new HeapMeter();
});

const wide = clipPresets['clip-tiny']!.config;
const configs: [string, ClipConfig, number][] = [
  ['clip-small', clipPresets['clip-small']!.config, 16],
  ['clip-tiny', wide, 4],
  [
    'few tokens, a large vocabulary',
    { ...wide, text_config: { ...wide.text_config, vocab_size: 20_000, eos_token_id: 19_999 } },
    2,
  ],
  [
    'many patches',
    {
      ...wide,
      vision_config: { ...wide.vision_config, image_size: 64, patch_size: 4, num_hidden_layers: 5 },
    },
    3,
  ],
];

describe.each(configs)('%s', (_, config, samples) => {
  test.each(['keep', 'checkpoint'] as const)('%s', (memory) => {
    using parameters = new Parameters(clipLayout(config));
    const clip = new Clip(config, weightsOf(parameters), { memory });
    const forward = () => encode(clip, samples);
    const { result: recording, left: kept } = meter.measure(() => record(parameters.tensors(), forward));
    const { peak: backward } = meter.measure(() => drain(recording));
    const options = { samples, memory };
    expectClose(activationBytes(config, options), kept);
    expectClose(backwardBytes(config, options), kept + backward);
  });

  test('not recorded', () => {
    using parameters = new Parameters(clipLayout(config));
    const clip = new Clip(config, weightsOf(parameters));
    const { peak, left } = meter.measure(() => tf.dispose(encode(clip, samples)));
    expect(left).toBe(0);
    expectClose(forwardBytes(config, { images: samples, texts: samples }), peak);
  });
});

function encode(clip: Clip, samples: number): tf.Tensor[] {
  const { image_size, patch_size } = clip.config.vision_config;
  const { max_position_embeddings, eos_token_id } = clip.config.text_config;
  const ids = new Int32Array(samples * max_position_embeddings);
  for (let i = 1; i <= samples; i++) ids[i * max_position_embeddings - 1] = eos_token_id;
  const images = tf.tidy(() =>
    clip.encodeImages(tf.zeros([samples, (image_size / patch_size) ** 2, 3 * patch_size ** 2])),
  );
  return [images, clip.encodeText(ids, samples)];
}

function drain(recording: Recording): void {
  for (const { gradient } of recording.drain([...recording.outputs])) gradient.dispose();
}

/** Vectors, pooled rows and alignment are not counted one by one. */
function expectClose(estimate: number, measured: number): void {
  expect(estimate / measured).toBeGreaterThan(0.95);
  expect(estimate / measured).toBeLessThan(1.1);
}
