import { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { parseConfig } from './clip-config.ts';
import { parameterCount } from './clip-parameters.ts';
import { clipPresets } from './presets.ts';

test.each([
  // Published counts; the first is printed by OpenAI's own notebook.
  ['clip-vit-base-patch32', 151_277_313],
  ['clip-vit-base-patch16', 149_620_737],
  ['clip-vit-large-patch14', 427_616_513],
  ['clip-vit-large-patch14-336', 427_944_193],
  ['clip-tiny', 251_649],
])('%s has %d parameters', (name, count) => {
  expect(parameterCount(clipPresets[name]!.config)).toBe(count);
});

test('every preset is a complete configuration', () => {
  for (const { config } of Object.values(clipPresets)) expect(parseConfig(config)).toEqual(config);
});

test('an empty configuration means the published ViT-B/32, as in Hugging Face', () => {
  expect(parseConfig({})).toEqual(clipPresets['clip-vit-base-patch32']!.config);
});

test('fields without effect are dropped', () => {
  const { config } = clipPresets['clip-tiny']!;
  const file = { ...config, dtype: 'float32', text_config: { ...config.text_config, projection_dim: 512 } };
  expect(parseConfig(file)).toEqual(config);
});

test('text_config_dict overrides text_config, and what it leaves out is a default, as in Hugging Face', () => {
  const { config } = clipPresets['clip-tiny']!;
  const { layer_norm_eps: _, ...rest } = config.text_config;
  const dictionary = { ...rest, num_attention_heads: 4 };
  const wide = { ...config.text_config, layer_norm_eps: 0.1 };
  const read = parseConfig({ ...config, text_config: wide, text_config_dict: dictionary });
  expect(read.text_config).toEqual({ ...config.text_config, num_attention_heads: 4, layer_norm_eps: 1e-5 });
  expect(parseConfig({ ...config, text_config_dict: null })).toEqual(config);
});

test('all problems are reported at once', () => {
  const read = () =>
    parseConfig({ text_config: { hidden_act: 'swish' }, vision_config: { num_channels: 1 } });
  expect(read).toThrow(TriptychError);
  expect(read).toThrow(/text_config\/hidden_act.*vision_config\/num_channels/);
  expect(() => parseConfig({ vision_config: { num_attention_heads: 7, patch_size: 30 } })).toThrow(
    /num_attention_heads: expected a divisor of hidden_size 768.*patch_size: expected a divisor of image_size 224/,
  );
});
