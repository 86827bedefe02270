import { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { parseLlamaConfig } from './llama-config.ts';
import { llamaParameters } from './llama-parameters.ts';
import { llamaPresets } from './llama-presets.ts';
import { elementCount } from './parameter-tensor.ts';
import { clipPresets } from './presets.ts';

test.each([
  // By hand: 2 * 512 * 64 + 2 * (64 * (64 + 32 + 32 + 64) + 3 * 172 * 64 + 2 * 64) + 64; published for the 7B model.
  ['llama-tiny', 156_480],
  ['llama-7b', 6_738_415_616],
] as const)('%s has %d parameters', (name, count) => {
  expect(elementCount(llamaParameters(llamaPresets[name]))).toBe(count);
});

test('a decoder is a complete configuration, and none that a run can name', () => {
  for (const [name, config] of Object.entries(llamaPresets)) {
    expect(parseLlamaConfig(config)).toEqual(config);
    expect(clipPresets).not.toHaveProperty(name);
  }
});

test('an empty configuration means the 7B model of Hugging Face', () => {
  const config = parseLlamaConfig({});
  expect(config).toMatchObject({ hidden_size: 4096, num_key_value_heads: 32, head_dim: 128 });
  expect(config.rope_theta).toBe(10_000);
});

test('rope_theta is read at the top level and inside rope_parameters', () => {
  expect(parseLlamaConfig({ rope_theta: 5e5 }).rope_theta).toBe(5e5);
  const parameters = { rope_parameters: { rope_theta: 1e6, rope_type: 'default' } };
  expect(parseLlamaConfig(parameters).rope_theta).toBe(1e6);
  expect(parseLlamaConfig({ rope_theta: 5e5, rope_scaling: null }).rope_theta).toBe(5e5);
});

test('a tied head has no parameter of its own', () => {
  const names = llamaParameters(parseLlamaConfig({ tie_word_embeddings: true })).map(({ key }) => key);
  expect(names).not.toContain('lm_head.weight');
});

test('what cannot be computed is refused, all at once', () => {
  const read = () =>
    parseLlamaConfig({
      attention_bias: true,
      hidden_act: 'gelu',
      hidden_size: 65,
      rope_scaling: { rope_type: 'longrope', factor: 8 },
    });
  expect(read).toThrow(TriptychError);
  expect(read).toThrow(
    /head_dim.*hidden_act.*attention_bias.*rope_scaling\/rope_type: expected.*got "longrope"/s,
  );
  expect(() => parseLlamaConfig({ num_key_value_heads: 3, pad_token_id: 32_000 })).toThrow(
    /num_key_value_heads: expected a divisor of num_attention_heads 32.*pad_token_id: expected a token id below/,
  );
  expect(() => parseLlamaConfig('llama')).toThrow(/is not a Llama model/);
});
