/** What every architecture must keep under every objective. A new architecture adds a line to `architectures`. */
import { memoryGroups } from '@triptych/collective';
import {
  type ClipConfig,
  clipLayout,
  clipPresets,
  clipSafetensors,
  initClip,
  loadClipWeights,
  parseConfig,
} from '@triptych/models';
import { random, readSafetensors, selectBackend, tf } from '@triptych/nn';
import type { Objective } from '@triptych/protocol';
import { beforeAll, describe, expect, test } from 'vitest';
import { ClipTrainer } from './step/clip-trainer.ts';
import type { ShardBatch } from './step/shard-batch.ts';

const tiny = clipPresets['clip-tiny']!.config;
const text = { ...tiny.text_config, hidden_act: 'gelu' };
const architectures: Readonly<Record<string, ClipConfig>> = {
  'clip, quick GELU': tiny,
  'clip, exact GELU': parseConfig({ ...tiny, text_config: text }),
};
const kinds: readonly Objective['kind'][] = ['infonce', 'siglip'];
const cases = Object.entries(architectures).flatMap(([name, config]) =>
  kinds.map((kind) => {
    const bias = kind === 'siglip' ? { logit_bias_init_value: -1 } : {};
    return { name, kind, config: { ...config, ...bias } };
  }),
);

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

describe.each(cases)('$name with $kind', ({ kind, config }) => {
  test('has a finite loss, changes every parameter, and leaks no tensor', async () => {
    const before = tf.memory().numTensors;
    const weights = initClip(config, 2);
    const initial = weights.slice();
    const [group] = memoryGroups(1);
    const trainer = new ClipTrainer({
      config,
      weights,
      objective: { kind },
      group: group!,
      shards: 2,
      range: { start: 0, end: 2 },
      // Without decay a parameter moves only where it has a gradient.
      optimizer: { beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0, clipNorm: 0 },
      recompute: false,
    });
    const counts = [];
    for (let step = 0; step < 3; step++) {
      const { loss } = await trainer.step([batch(config, 1), batch(config, 2)], {
        step,
        learningRate: 1e-3,
        signal: new AbortController().signal,
        samplesOf: () => [],
      });
      expect(Number.isFinite(loss)).toBe(true);
      counts.push(tf.memory().numTensors);
    }
    expect(new Set(counts).size).toBe(1);
    const still = [...clipLayout(config).named()].filter(({ offset, length }) =>
      weights.subarray(offset, offset + length).every((value, i) => value === initial[offset + i]),
    );
    expect(still.map(({ name }) => name)).toEqual([]);
    trainer[Symbol.dispose]();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('is saved and loaded without changing a byte', () => {
    const bytes = clipSafetensors(config, initClip(config, 3));
    const again = clipSafetensors(config, loadClipWeights(readSafetensors(bytes), config));
    expect(Buffer.compare(again, bytes)).toBe(0);
  });
});

/** Four random pairs. */
function batch({ vision_config, text_config }: ClipConfig, seed: number): ShardBatch {
  const stream = random(seed, 'batch');
  const samples = 4;
  const context = text_config.max_position_embeddings;
  const patches = Float32Array.from({ length: samples * 3 * vision_config.image_size ** 2 }, () =>
    stream.normal(),
  );
  const ids = Int32Array.from({ length: samples * context }, (_, i) =>
    i % context === context - 1 ? text_config.eos_token_id : stream.integer(text_config.eos_token_id),
  );
  return { samples, patches, ids };
}
