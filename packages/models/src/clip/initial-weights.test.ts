import { expect, test } from 'vitest';
import { clipPresets } from '../catalog/presets.ts';
import { sameBits } from '../testing/golden.ts';
import { initClip } from './initial-weights.ts';
import { clipLayout } from './layout.ts';

const { config } = clipPresets['clip-tiny']!;

test('the seed alone decides the weights', () => {
  expect(sameBits(initClip(config, 3), initClip(config, 3))).toBe(true);
  expect(sameBits(initClip(config, 3), initClip(config, 4))).toBe(false);
});

test.each([
  // width 64, two layers: see OpenAI's `initialize_parameters`.
  ['text_model.embeddings.token_embedding.weight', 0.02],
  ['text_model.encoder.layers.1.self_attn.v_proj.weight', 64 ** -0.5],
  ['text_model.encoder.layers.0.mlp.fc2.weight', 64 ** -0.5 * 4 ** -0.5],
  ['text_model.encoder.layers.0.mlp.fc1.weight', 128 ** -0.5],
  ['vision_model.embeddings.position_embedding.weight', 64 ** -0.5],
  // A uniform distribution within b deviates by b / sqrt(3).
  ['vision_model.embeddings.patch_embedding.weight', 192 ** -0.5 / 3 ** 0.5],
  ['vision_model.encoder.layers.0.self_attn.q_proj.weight', (6 / 256) ** 0.5 / 3 ** 0.5],
  ['vision_model.encoder.layers.0.mlp.fc2.weight', 256 ** -0.5 / 3 ** 0.5],
])('%s has a standard deviation of %d', (name, deviation) => {
  const values = valuesOf(name);
  const actual = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  expect(actual / deviation).toBeGreaterThan(0.94);
  expect(actual / deviation).toBeLessThan(1.06);
});

test('norms start as the identity, attention biases at zero, the logit scale at ln(1/0.07)', () => {
  expect(new Set(valuesOf('vision_model.pre_layrnorm.weight'))).toEqual(new Set([1]));
  expect(new Set(valuesOf('text_model.final_layer_norm.bias'))).toEqual(new Set([0]));
  expect(new Set(valuesOf('vision_model.encoder.layers.0.self_attn.q_proj.bias'))).toEqual(new Set([0]));
  expect(valuesOf('logit_scale')[0]).toBeCloseTo(Math.log(1 / 0.07), 3);
});

function valuesOf(name: string): Float32Array {
  const parameter = [...clipLayout(config).named()].find((one) => one.name === name)!;
  return initClip(config, 1).subarray(parameter.offset, parameter.offset + parameter.length);
}
