/** The counts of memory.ts against what the wasm heap really holds. */
import { embed, Parameters, type Recording, record, selectBackend, tf } from '@triptych/nn';
import { beforeAll, describe, expect, test } from 'vitest';
import { isInGroups } from '../grouped-tensor.ts';
import { HeapMeter } from '../testing/heap-meter.ts';
import { weightsOf } from '../transformer/weights.ts';
import type { FlamingoConfig } from './config.ts';
import { Flamingo } from './flamingo.ts';
import { flamingoLayout } from './layout.ts';
import { type FlamingoShape, keptBytes, peakBackwardBytes, peakForwardBytes } from './memory.ts';
import { flamingoParameters } from './parameters.ts';
import { flamingoPresets } from './presets.ts';

let meter: HeapMeter;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  meter = new HeapMeter();
});

const small: FlamingoConfig = flamingoPresets['flamingo-small'].config;
const tiny: FlamingoConfig = flamingoPresets['flamingo-tiny'].config;
const vision_config = { ...tiny.vision_config, image_size: 64, patch_size: 4, num_hidden_layers: 5 };
const configs: [string, FlamingoConfig, Pick<FlamingoShape, 'samples' | 'tokens' | 'images' | 'targets'>][] =
  [
    ['flamingo-small', small, { samples: 16, tokens: 24, images: 1, targets: 64 }],
    ['long texts', small, { samples: 2, tokens: 200, images: 4, targets: 300 }],
    ['many patches', { ...tiny, vision_config }, { samples: 3, tokens: 16, images: 2, targets: 12 }],
  ];

describe.each(configs)('%s', (_, config, sizes) => {
  describe.each([true, false])('vision trained: %s', (visionTrained) => {
    test.each(['keep', 'checkpoint'] as const)('%s', (memory) => {
      using parameters = new Parameters(flamingoLayout(config));
      const shape = { ...sizes, memory, visionTrained };
      const flamingo = new Flamingo(config, weightsOf(parameters), { memory, frozenVision: !visionTrained });
      const trains = ['perceiver', 'gate', 'tokens', ...(visionTrained ? ['vision', 'decoder'] : [])];
      const trained = flamingoParameters(config).filter(({ group }) => isInGroups(group, trains));
      const inputs = trained.map(({ key }) => parameters.tensor(key));
      const { result: recording, left: kept } = meter.measure(() =>
        record(inputs, () => [forward(flamingo, shape)]),
      );
      const { peak: backward } = meter.measure(() => drain(recording));
      expectWithin(keptBytes(config, shape) / kept, 0.95, 1.05);
      expectWithin(peakBackwardBytes(config, shape) / (kept + backward), 0.95, 1.4);
    });
  });

  test('not recorded', () => {
    using parameters = new Parameters(flamingoLayout(config));
    const flamingo = new Flamingo(config, weightsOf(parameters));
    const shape = { ...sizes, memory: 'keep', visionTrained: false } as const;
    const { peak, left } = meter.measure(() => forward(flamingo, shape).dispose());
    expect(left).toBe(0);
    expectWithin(peakForwardBytes(config, shape) / peak, 0.95, 1.4);
  });
});

function forward(flamingo: Flamingo, { samples, tokens, images, targets }: FlamingoShape): tf.Tensor {
  const { image_size, patch_size } = flamingo.config.vision_config;
  const { hidden_size } = flamingo.config.text_config;
  const ids = new Int32Array(samples * tokens);
  for (let text = 0; text < samples; text++)
    ids.fill(flamingo.config.image_token_id, text * tokens, text * tokens + images);
  return tf.tidy(() => {
    const media = tf.tidy(() => {
      const patches = tf.zeros<tf.Rank.R3>([
        samples * images,
        (image_size / patch_size) ** 2,
        3 * patch_size ** 2,
      ]);
      return flamingo.media(flamingo.imageFeatures(patches), { images });
    });
    const hidden = flamingo.decode({ ids, batch: samples, length: tokens }, media);
    const rows = tf.range(0, targets, 1, 'int32');
    return flamingo.logits(embed(tf.reshape(hidden, [samples * tokens, hidden_size]), rows));
  });
}

function drain(recording: Recording): void {
  for (const { gradient } of recording.drain([...recording.outputs])) gradient.dispose();
}

/** Vectors and alignment are not counted one by one; peaks may be counted too high, and not too low. */
function expectWithin(ratio: number, least: number, most: number): void {
  expect(ratio).toBeGreaterThan(least);
  expect(ratio).toBeLessThan(most);
}
