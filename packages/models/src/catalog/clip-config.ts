/**
 * The configuration of a CLIP model: the fields of a Hugging Face `config.json` that decide what is computed.
 * Reading fills the defaults of `CLIPConfig` (newer files leave default values out) and drops what has no effect here
 * (dropout rates, dtype, library versions). In a CLIP configuration only the top-level `projection_dim` counts.
 */
import { type Violation, violationsOf } from '@triptych/protocol';
import { type Static, Type } from 'typebox';
import {
  divisorViolations,
  invalidConfig,
  isRecord,
  pick,
  record,
  size,
  tokenIdViolations,
} from './config-file.ts';

export const Activation = Type.Union([
  Type.Literal('quick_gelu'),
  Type.Literal('gelu'),
  Type.Literal('gelu_new'),
]);
export type Activation = Static<typeof Activation>;

const towerFields = {
  hidden_size: size(16_384),
  intermediate_size: size(65_536),
  num_hidden_layers: size(256),
  num_attention_heads: size(256),
  hidden_act: Activation,
  layer_norm_eps: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
};

export const ClipTextConfig = Type.Object({
  ...towerFields,
  vocab_size: size(10_000_000),
  max_position_embeddings: size(65_536),
  bos_token_id: Type.Integer({ minimum: 0 }),
  /** The legacy value 2 is wrong in old files; the text is then pooled at its highest token id instead. */
  eos_token_id: Type.Integer({ minimum: 0 }),
});
export type ClipTextConfig = Static<typeof ClipTextConfig>;

export const ClipVisionConfig = Type.Object({
  ...towerFields,
  image_size: size(8192),
  patch_size: size(1024),
  num_channels: Type.Literal(3),
});
export type ClipVisionConfig = Static<typeof ClipVisionConfig>;

export const ClipConfig = Type.Object({
  model_type: Type.Literal('clip'),
  projection_dim: size(16_384),
  logit_scale_init_value: Type.Number(),
  /** Present only in models trained with the sigmoid loss, which carry one parameter more: `logit_bias`. */
  logit_bias_init_value: Type.Optional(Type.Number()),
  /** Names of the classes of the head, by index; absent where there is no head. */
  id2label: Type.Optional(Type.Record(Type.String({ pattern: '^[0-9]+$' }), Type.String())),
  text_config: ClipTextConfig,
  vision_config: ClipVisionConfig,
});
export type ClipConfig = Static<typeof ClipConfig>;

/** The classes of the head, in the order of its rows; absent where there is no head. */
export const classNamesOf = ({ id2label }: ClipConfig): readonly string[] | undefined =>
  id2label && Object.keys(id2label).map((_, index) => id2label[index] ?? '');

/** The fields that both towers share. */
export type TowerConfig = Pick<ClipTextConfig, keyof typeof towerFields & keyof ClipTextConfig>;

const towerDefaults = { num_hidden_layers: 12, hidden_act: 'quick_gelu', layer_norm_eps: 1e-5 };
const textDefaults = {
  ...towerDefaults,
  hidden_size: 512,
  intermediate_size: 2048,
  num_attention_heads: 8,
  vocab_size: 49_408,
  max_position_embeddings: 77,
  bos_token_id: 49_406,
  eos_token_id: 49_407,
};
export const visionDefaults = {
  ...towerDefaults,
  hidden_size: 768,
  intermediate_size: 3072,
  num_attention_heads: 12,
  image_size: 224,
  patch_size: 32,
  num_channels: 3,
};
const topDefaults = { model_type: 'clip', projection_dim: 512, logit_scale_init_value: 2.6592 };

/**
 * A parsed `config.json` as a complete {@link ClipConfig}.
 * @throws TriptychError MODEL_INVALID with every violation, cross-field ones included.
 */
export function parseConfig(json: unknown): ClipConfig {
  const source = isRecord(json) ? json : {};
  const config = {
    ...pick(ClipConfig.properties, { ...topDefaults, ...source, id2label: labelsOf(source) }),
    text_config: pick(ClipTextConfig.properties, { ...textDefaults, ...towerOf(source, 'text_config') }),
    vision_config: pick(ClipVisionConfig.properties, {
      ...visionDefaults,
      ...towerOf(source, 'vision_config'),
    }),
  };
  const violations = isRecord(json) ? [...violationsOf(ClipConfig, config)] : violationsOf(ClipConfig, json);
  if (violations.length === 0) violations.push(...crossFieldViolations(config as ClipConfig));
  if (violations.length > 0) throw invalidConfig('CLIP', violations);
  return config as ClipConfig;
}

/** `text_config_dict`, which old files have beside `text_config`, counts alone: what it leaves out is a default. */
const towerOf = (source: Record<string, unknown>, name: 'text_config' | 'vision_config') =>
  record(source[`${name}_dict`] ?? source[name]);

function crossFieldViolations(config: ClipConfig): Violation[] {
  const { text_config: text, vision_config: vision } = config;
  const { bos_token_id, eos_token_id } = text;
  return [
    ...labelViolations(config),
    ...headViolations('/text_config', text),
    ...visionViolations('/vision_config', vision),
    ...tokenIdViolations('/text_config', { bos_token_id, eos_token_id }, text.vocab_size),
  ];
}

/** Hugging Face writes LABEL_0, LABEL_1 where nobody named classes: no head. */
function labelsOf({ id2label }: Record<string, unknown>): unknown {
  const isPlaceholder =
    isRecord(id2label) && Object.entries(id2label).every(([index, name]) => name === `LABEL_${index}`);
  return isPlaceholder ? undefined : id2label;
}

function labelViolations({ id2label = {} }: ClipConfig): Violation[] {
  const missing = Object.keys(id2label).findIndex((_, index) => id2label[index] === undefined);
  if (missing < 0) return [];
  const expected = `a name for every index from 0 to ${Object.keys(id2label).length - 1}`;
  return [
    { path: '/id2label', expected, actual: `none for ${missing}`, remedy: 'number the classes from 0' },
  ];
}

/** Heads that do not divide the width, patches that do not divide the image. */
export const visionViolations = (path: string, vision: ClipVisionConfig): Violation[] => [
  ...headViolations(path, vision),
  ...divisorViolations(`${path}/patch_size`, vision.patch_size, {
    name: 'image_size',
    value: vision.image_size,
  }),
];

const headViolations = (path: string, tower: TowerConfig) =>
  divisorViolations(`${path}/num_attention_heads`, tower.num_attention_heads, {
    name: 'hidden_size',
    value: tower.hidden_size,
  });
