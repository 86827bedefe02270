/**
 * The configuration of a LLaVA model: the fields of `LlavaForConditionalGeneration`'s `config.json` that decide what is
 * computed, as transformers 4 and 5 write it. `mm_projector_type` is LLaVA's own name for the kind of projector; Hugging
 * Face knows `mlp2x_gelu` alone. The number of image tokens follows from the vision tower, whatever the file says.
 */
import { show, type Violation, violationsOf } from '@triptych/protocol';
import { type Static, Type } from 'typebox';
import { Activation, ClipVisionConfig, visionDefaults, visionViolations } from '../catalog/clip-config.ts';
import { invalidConfig, isRecord, pick, record } from '../catalog/config-file.ts';
import { LlamaConfig, readLlamaConfig } from '../catalog/llama-config.ts';

const Layer = Type.Integer({ minimum: -257, maximum: 256 });
const TokenId = Type.Integer({ minimum: 0 });

export const LlavaConfig = Type.Object({
  model_type: Type.Literal('llava'),
  image_token_index: TokenId,
  /** Hidden states of the vision tower: 0 is what the first block sees, -1 the last one. Several are put side by side. */
  vision_feature_layer: Type.Union([Layer, Type.Array(Layer, { minItems: 1 })]),
  /** `default`: without the class token. */
  vision_feature_select_strategy: Type.Union([Type.Literal('default'), Type.Literal('full')]),
  mm_projector_type: Type.String({
    pattern: '^(linear|identity|mlp[1-9][0-9]?x_gelu)$',
    description: '"linear", "identity" or "mlpNx_gelu" with N layers',
  }),
  projector_hidden_act: Activation,
  multimodal_projector_bias: Type.Boolean(),
  /** Tokens that one image takes. */
  image_seq_length: Type.Integer({ minimum: 1 }),
  pad_token_id: Type.Optional(TokenId),
  text_config: LlamaConfig,
  vision_config: ClipVisionConfig,
});
export type LlavaConfig = Static<typeof LlavaConfig>;

const defaults = {
  model_type: 'llava',
  image_token_index: 32_000,
  vision_feature_layer: -2,
  vision_feature_select_strategy: 'default',
  mm_projector_type: 'mlp2x_gelu',
  projector_hidden_act: 'gelu',
  multimodal_projector_bias: true,
};

/** ViT-L/14 at 336 pixels, where a file has no `vision_config` at all. */
const largeTower = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  image_size: 336,
  patch_size: 14,
};

/**
 * A parsed `config.json` as a complete {@link LlavaConfig}.
 * @throws TriptychError MODEL_INVALID with every violation, cross-field ones included.
 */
export function parseLlavaConfig(json: unknown): LlavaConfig {
  if (!isRecord(json)) throw invalidConfig('LLaVA', violationsOf(LlavaConfig, json));
  const text = readLlamaConfig(textOf(json));
  const vision = pick(ClipVisionConfig.properties, {
    ...visionDefaults,
    ...(json['vision_config'] ? record(json['vision_config']) : largeTower),
  }) as ClipVisionConfig;
  const { image_seq_length: _, ...stated } = pick(LlavaConfig.properties, withNewNames(json));
  const config = { ...defaults, ...stated, text_config: text.config, vision_config: vision } as LlavaConfig;
  const complete = { ...config, image_seq_length: imageTokens(config) };
  const violations = [
    ...violationsOf(LlavaConfig, { ...complete, text_config: validText }),
    ...text.violations.map((one) => ({ ...one, path: `/text_config${one.path}` })),
    ...towerViolations(json),
  ];
  if (violations.length === 0) violations.push(...crossFieldViolations(complete));
  if (violations.length > 0) throw invalidConfig('LLaVA', violations);
  return complete;
}

/** Layers of the projector; 0 is the identity. */
export function projectorLayers({ mm_projector_type: type }: Pick<LlavaConfig, 'mm_projector_type'>): number {
  if (type === 'identity') return 0;
  return type === 'linear' ? 1 : Number(/\d+/.exec(type)?.[0]);
}

/** How many blocks of the vision tower lie below each feature layer. */
export function featureDepths({ vision_feature_layer, vision_config }: LlavaConfig): number[] {
  const states = vision_config.num_hidden_layers + 1;
  return [vision_feature_layer].flat().map((layer) => (layer < 0 ? states + layer : layer));
}

/** Width of what the projector is given. */
export const featureWidth = ({ vision_feature_layer, vision_config }: LlavaConfig): number =>
  vision_config.hidden_size * [vision_feature_layer].flat().length;

/** Checked apart, where the paths are right. */
const validText = readLlamaConfig({}).config;

/** A tied head may be stated at either level. */
const textOf = (json: Record<string, unknown>) => ({
  ...record(json['text_config']),
  ...(json['tie_word_embeddings'] === true && { tie_word_embeddings: true }),
});

const withNewNames = (json: Record<string, unknown>) => ({
  ...json,
  image_token_index: json['image_token_index'] ?? json['image_token_id'],
});

function imageTokens({
  vision_config: vision,
  vision_feature_select_strategy: strategy,
}: LlavaConfig): number {
  const patches = (vision.image_size / vision.patch_size) ** 2;
  return strategy === 'full' ? patches + 1 : patches;
}

/** Parts that are of another architecture. */
function towerViolations(json: Record<string, unknown>): Violation[] {
  const actual = record(json['vision_config'])['model_type'] ?? 'clip_vision_model';
  if (actual === 'clip_vision_model') return [];
  const remedy = 'use a model with the vision tower of CLIP';
  return [
    { path: '/vision_config/model_type', expected: '"clip_vision_model"', actual: show(actual), remedy },
  ];
}

function crossFieldViolations(config: LlavaConfig): Violation[] {
  const { vision_config: vision, text_config: text } = config;
  const violations = visionViolations('/vision_config', vision);
  const states = vision.num_hidden_layers + 1;
  for (const depth of featureDepths(config))
    if (depth < 0 || depth >= states)
      violations.push({
        path: '/vision_feature_layer',
        expected: `hidden states from ${-states} to ${states - 1}, of ${vision.num_hidden_layers} blocks`,
        actual: show(config.vision_feature_layer),
        remedy: 'choose a layer that the vision tower has',
      });
  if (projectorLayers(config) === 0 && featureWidth(config) !== text.hidden_size)
    violations.push({
      path: '/mm_projector_type',
      expected: `a projector from ${featureWidth(config)} to ${text.hidden_size}`,
      actual: show(config.mm_projector_type),
      remedy: 'use "linear" or "mlp2x_gelu"',
    });
  return violations;
}
