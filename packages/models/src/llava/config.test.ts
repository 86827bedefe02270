import { expect, test } from 'vitest';
import { elementCount } from '../catalog/parameter-tensor.ts';
import { isInGroup } from '../grouped-tensor.ts';
import { featureDepths, type LlavaConfig, parseLlavaConfig } from './config.ts';
import { llavaParameters } from './parameters.ts';
import { llavaPresets } from './presets.ts';

/** What the published 7B model says, as transformers 4 wrote it. */
const published = {
  architectures: ['LlavaForConditionalGeneration'],
  ignore_index: -100,
  image_token_index: 32_000,
  model_type: 'llava',
  pad_token_id: 32_001,
  projector_hidden_act: 'gelu',
  text_config: {
    _name_or_path: 'lmsys/vicuna-7b-v1.5',
    architectures: ['LlamaForCausalLM'],
    max_position_embeddings: 4096,
    model_type: 'llama',
    rms_norm_eps: 1e-5,
    torch_dtype: 'float16',
    vocab_size: 32_064,
  },
  tie_word_embeddings: false,
  torch_dtype: 'float16',
  vision_config: {
    hidden_size: 1024,
    image_size: 336,
    intermediate_size: 4096,
    model_type: 'clip_vision_model',
    num_attention_heads: 16,
    num_hidden_layers: 24,
    patch_size: 14,
    projection_dim: 768,
    vocab_size: 32_000,
  },
  vision_feature_layer: -2,
  vision_feature_select_strategy: 'default',
};
const preset = (name: string): LlavaConfig => llavaPresets[name]!.config;
const countOf = (config: LlavaConfig, group: string) =>
  elementCount(llavaParameters(config).filter((tensor) => isInGroup(tensor.group, group)));

test('the published file is the 7B preset', () => {
  const { pad_token_id, ...text } = preset('llava-1.5-7b').text_config;
  expect(pad_token_id).toBe(32_001);
  expect(parseLlavaConfig(published)).toEqual({ ...preset('llava-1.5-7b'), text_config: text });
});

test.each([
  // 32,064 rows instead of Vicuna's 32,000 in the two tables.
  ['llava-1.5-7b', 'decoder', 6_738_415_616 + 2 * 64 * 4096],
  ['llava-1.5-7b', 'projector', 20_979_712],
  ['llava-1.5-13b', 'decoder', 13_015_864_320 + 2 * 64 * 5120],
  ['llava-1.5-13b', 'projector', 31_467_520],
  ['llava-tiny', 'decoder', 156_480],
])('%s has %s parameters as published', (name, group, count) => {
  expect(countOf(preset(name), group)).toBe(count);
});

test('what lies above the feature layers is idle', () => {
  const idle = (vision_feature_layer: number | number[]) =>
    llavaParameters({ ...preset('llava-tiny'), vision_feature_layer })
      .filter(({ group }) => group === 'idle')
      .map(({ key }) => /(layers\.\d|post_layernorm)/.exec(key)?.[1]);
  expect(idle(-1)).toEqual(['post_layernorm', 'post_layernorm']);
  expect(idle([0, 2])).toEqual(idle(-1));
  expect(new Set(idle(-2))).toEqual(new Set(['layers.1', 'post_layernorm']));
  expect(new Set(idle(0))).toEqual(new Set(['layers.0', 'layers.1', 'post_layernorm']));
});

test('every preset is a complete configuration', () => {
  for (const { config } of Object.values(llavaPresets)) expect(parseLlavaConfig(config)).toEqual(config);
});

test('an empty file means LLaVA-1.5 with the defaults of the library', () => {
  const config = parseLlavaConfig({ model_type: 'llava' });
  expect(config).toMatchObject({
    image_token_index: 32_000,
    image_seq_length: 576,
    vision_feature_layer: -2,
  });
  expect(config.vision_config).toEqual(preset('llava-1.5-7b').vision_config);
});

test('both generations of the library are read', () => {
  const recent = {
    model_type: 'llava',
    image_token_id: 7,
    text_config: { vocab_size: 64, rope_parameters: { rope_theta: 5e5, rope_type: 'default' } },
  };
  expect(parseLlavaConfig(recent)).toMatchObject({ image_token_index: 7, text_config: { rope_theta: 5e5 } });
  const tied = parseLlavaConfig({ ...recent, tie_word_embeddings: true });
  expect(llavaParameters(tied).map(({ key }) => key)).not.toContain('language_model.lm_head.weight');
});

test('feature layers count from either end, one or several', () => {
  const depths = (vision_feature_layer: number | number[]) =>
    featureDepths({ ...preset('llava-1.5-7b'), vision_feature_layer });
  expect([depths(-2), depths(0), depths([-1, 5])]).toEqual([[23], [0], [24, 5]]);
});

test.each([
  [{ mm_projector_type: 'linear' }, ['linear_1.weight', 'linear_1.bias']],
  [{ mm_projector_type: 'identity' }, []],
  [
    { mm_projector_type: 'mlp3x_gelu', multimodal_projector_bias: false },
    ['linear_1.weight', 'linear_2.weight', 'linear_3.weight'],
  ],
])('the projector of %j', (fields, names) => {
  const config = parseLlavaConfig({ ...preset('llava-tiny'), ...fields });
  const projector = llavaParameters(config).filter(({ group }) => group === 'projector');
  expect(projector.map(({ key }) => key.replace('multi_modal_projector.', ''))).toEqual(names);
});

test('what cannot be computed is refused, all at once and with the paths of the file', () => {
  const read = () =>
    parseLlavaConfig({
      model_type: 'llava',
      vision_feature_select_strategy: 'cls',
      mm_projector_type: 'resampler',
      text_config: { model_type: 'mistral', rope_scaling: { type: 'longrope' } },
      vision_config: { model_type: 'siglip_vision_model' },
    });
  for (const problem of [
    /vision_feature_select_strategy/,
    /mm_projector_type/,
    /\/text_config\/model_type.*"mistral"/,
    /\/text_config\/rope_scaling\/rope_type.*"longrope"/,
    /vision_config\/model_type: expected "clip_vision_model", got "siglip_vision_model"/,
  ])
    expect(read).toThrow(problem);
  expect(() => parseLlavaConfig({ ...preset('llava-tiny'), vision_feature_layer: [0, 3] })).toThrow(
    /vision_feature_layer: expected hidden states from -3 to 2, of 2 blocks, got/,
  );
  const narrow = { ...preset('llava-tiny'), mm_projector_type: 'identity', vision_feature_layer: [0, 1] };
  expect(() => parseLlavaConfig(narrow)).toThrow(/a projector from 128 to 64/);
  expect(() => parseLlavaConfig({ model_type: 'llava_next' })).toThrow(/model_type/);
  expect(() => parseLlavaConfig([])).toThrow(/is not a LLaVA model/);
});
