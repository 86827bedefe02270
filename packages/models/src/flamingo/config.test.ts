import { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { elementCount } from '../catalog/parameter-tensor.ts';
import { type GroupedTensor, isInGroups } from '../grouped-tensor.ts';
import { sameBits } from '../testing/golden.ts';
import { gatedLayers, parseFlamingoConfig } from './config.ts';
import { initFlamingo } from './initial-weights.ts';
import { flamingoLayout } from './layout.ts';
import { flamingoParameters, NEW_TOKEN_ROWS, TOKEN_TABLE } from './parameters.ts';
import { flamingoPresets } from './presets.ts';

const tiny = flamingoPresets['flamingo-tiny'].config;
const countOf = (tensors: readonly GroupedTensor[], ...groups: string[]) =>
  elementCount(tensors.filter(({ group }) => isInGroups(group, groups)));

test('OpenFlamingo-9B trains as many parameters as published', () => {
  const { config } = flamingoPresets['flamingo-9b'];
  const tensors = flamingoParameters(config);
  expect(countOf(tensors, 'perceiver')).toBe(63_019_008);
  expect(countOf(tensors, 'gate')).toBe(8 * 139_476_994);
  expect(countOf(tensors, 'perceiver', 'gate')).toBe(1_178_834_960);
  expect(countOf(tensors, 'tokens')).toBe(3 * 4096);
  // LLaMA-7B, and three rows more of its head.
  expect(countOf(tensors, 'decoder')).toBe(6_738_415_616 + 3 * 4096);
});

test('every preset is a complete configuration', () => {
  for (const { config } of Object.values(flamingoPresets))
    expect(parseFlamingoConfig(config)).toEqual(config);
});

test('sizes that are left out are those of OpenFlamingo', () => {
  const { text_config } = flamingoPresets['flamingo-9b'].config;
  const stated = { image_token_id: 32_001, end_of_chunk_token_id: 32_000, cross_attn_every_n_layers: 4 };
  const vision_config = flamingoPresets['flamingo-9b'].config.vision_config;
  expect(parseFlamingoConfig({ ...stated, text_config, vision_config })).toEqual(
    flamingoPresets['flamingo-9b'].config,
  );
});

test('a block stands before every n-th layer', () => {
  const every = (n: number) => gatedLayers({ ...tiny, cross_attn_every_n_layers: n });
  expect([every(1), every(2)]).toEqual([[0, 1], [1]]);
});

test('the rows of new tokens are a tensor of their own', () => {
  const shapes = new Map(flamingoParameters(tiny).map(({ key, shape }) => [key, shape]));
  expect([shapes.get(TOKEN_TABLE), shapes.get(NEW_TOKEN_ROWS)]).toEqual([
    [510, 64],
    [2, 64],
  ]);
});

test('what cannot be computed is refused, all at once', () => {
  const broken = {
    ...tiny,
    media: 'next',
    perceiver: { depth: 0 },
    vision_config: { ...tiny.vision_config, hidden_act: 'relu' },
    text_config: { ...tiny.text_config, hidden_act: 'gelu' },
  };
  expect(() => parseFlamingoConfig(broken)).toThrow(TriptychError);
  expect(() => parseFlamingoConfig(broken)).toThrow(
    /vision_config\/hidden_act.*text_config\/hidden_act.*media.*perceiver\/depth/s,
  );
  const crossed = { ...tiny, image_token_id: 510, cross_attn_every_n_layers: 3 };
  expect(() => parseFlamingoConfig(crossed)).toThrow(/end_of_chunk_token_id.*cross_attn_every_n_layers/s);
  expect(() => parseFlamingoConfig({ ...tiny, image_token_id: 512 })).toThrow(/below vocab_size 512/);
  expect(() => parseFlamingoConfig('flamingo')).toThrow(/is not a Flamingo model/);
});

test('initial weights: the seed decides, gates are zero, norms are one, nothing is left out', () => {
  const flat = initFlamingo(tiny, 3);
  expect(sameBits(flat, initFlamingo(tiny, 3))).toBe(true);
  expect(sameBits(flat, initFlamingo(tiny, 4))).toBe(false);
  const deviations = new Map(
    [...flamingoLayout(tiny).named()].map(({ name, offset, length }) => {
      const values = flat.subarray(offset, offset + length);
      return [name, Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / length)];
    }),
  );
  const zero = [...deviations].filter(([, deviation]) => deviation === 0).map(([name]) => name);
  expect(zero.every((name) => /_gate$|\.bias$/.test(name))).toBe(true);
  expect(deviations.get('lang_encoder.model.layers.0.gated_cross_attn_layer.attn_gate')).toBe(0);
  expect(deviations.get('lang_encoder.model.layers.1.input_layernorm.weight')).toBe(1);
  expect(deviations.get('perceiver.layers.0.0.norm_media.weight')).toBe(1);
  // 256 draws: the deviation is known to a twentieth.
  expect(deviations.get('perceiver.latents')).toBeGreaterThan(0.85);
  expect(deviations.get('perceiver.latents')).toBeLessThan(1.15);
  expect(deviations.get('perceiver.layers.0.1.1.weight')).toBeCloseTo(64 ** -0.5 / 3 ** 0.5, 2);
  // A decoder of width 64 is drawn wider than the published ones.
  expect(deviations.get('lang_encoder.lm_head.weight')).toBeCloseTo(64 ** -0.5, 2);
});
