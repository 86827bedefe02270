/**
 * The configuration of a Flamingo: a CLIP vision tower, a Perceiver resampler, and a Llama decoder with gated
 * cross-attention before every n-th layer. Transformers has no such model, so the layout of this `config.json` is ours;
 * the towers are described as Hugging Face does. Tensor-free.
 */
import { show, TriptychError, type Violation, violationsOf } from '@triptych/protocol';
import { type Static, Type } from 'typebox';
import { ClipVisionConfig, parseConfig } from '../catalog/clip-config.ts';
import { invalidConfig, isRecord, pick, record, size, tokenIdViolations } from '../catalog/config-file.ts';
import { LlamaConfig, parseLlamaConfig } from '../catalog/llama-config.ts';
import { PerceiverConfig } from '../perceiver/perceiver-parameters.ts';

export const GatedCrossAttentionConfig = Type.Object({
  heads: size(1024),
  head_dim: size(1024),
  /** Width of the feed-forward layer, in widths of the decoder. */
  ff_mult: size(64),
});
export type GatedCrossAttentionConfig = Static<typeof GatedCrossAttentionConfig>;

export const FlamingoConfig = Type.Object({
  model_type: Type.Literal('flamingo'),
  /** A block stands before decoder layer i where this divides i + 1. */
  cross_attn_every_n_layers: size(256),
  /** Which images a token attends to: the one shown last, or every one shown so far. */
  media: Type.Union([Type.Literal('immediate'), Type.Literal('all-previous')]),
  /** Whether the resampler sees the tower's tokens after the post norm (open_clip from 2.23), or before it (OpenFlamingo). */
  vision_tokens_post_norm: Type.Boolean(),
  /**
   * Of the gates before training, of which the hyperbolic tangent is taken; absent: 0, which leaves a decoder that can read
   * as it is. A decoder that learns from nothing has nothing to lose, and sees from the first step. Nothing else uses it.
   */
  initial_gate: Type.Optional(Type.Number({ minimum: -10, maximum: 10 })),
  /** `<image>`: where a text shows its next image. */
  image_token_id: Type.Integer({ minimum: 1 }),
  /** `<|endofchunk|>`. From the lower of the two ids on, the rows of the token table are new ones, and trained. */
  end_of_chunk_token_id: Type.Integer({ minimum: 1 }),
  perceiver: PerceiverConfig,
  cross_attention: GatedCrossAttentionConfig,
  vision_config: ClipVisionConfig,
  text_config: LlamaConfig,
});
export type FlamingoConfig = Static<typeof FlamingoConfig>;

/** OpenFlamingo's sizes. */
const attentionDefaults = { heads: 8, head_dim: 64, ff_mult: 4 };
const topDefaults = {
  model_type: 'flamingo',
  cross_attn_every_n_layers: 1,
  media: 'immediate',
  vision_tokens_post_norm: false,
};

/**
 * A parsed `config.json` as a complete {@link FlamingoConfig}; sizes that it leaves out are OpenFlamingo's.
 * @throws TriptychError MODEL_INVALID with every violation, cross-field ones included.
 */
export function parseFlamingoConfig(json: unknown): FlamingoConfig {
  if (!isRecord(json)) throw invalidConfig('Flamingo', violationsOf(FlamingoConfig, json));
  const problems: Violation[] = [];
  const config = {
    ...pick(FlamingoConfig.properties, { ...topDefaults, ...json }),
    perceiver: pick(PerceiverConfig.properties, {
      ...attentionDefaults,
      depth: 6,
      latents: 64,
      ...record(json['perceiver']),
    }),
    cross_attention: pick(GatedCrossAttentionConfig.properties, {
      ...attentionDefaults,
      ...record(json['cross_attention']),
    }),
    vision_config: towerOf(problems, '', () => visionConfigOf(json['vision_config'])),
    text_config: towerOf(problems, '/text_config', () => parseLlamaConfig(json['text_config'])),
  };
  const towers = /^\/(vision|text)_config/;
  problems.push(...violationsOf(FlamingoConfig, config).filter(({ path }) => !towers.test(path)));
  if (problems.length === 0) problems.push(...crossFieldViolations(config as FlamingoConfig));
  if (problems.length > 0) throw invalidConfig('Flamingo', problems);
  return config as FlamingoConfig;
}

/** Decoder layers that have a gated block before them. */
export const gatedLayers = ({ text_config, cross_attn_every_n_layers: n }: FlamingoConfig): number[] =>
  Array.from({ length: text_config.num_hidden_layers }, (_, i) => i).filter((i) => (i + 1) % n === 0);

/** Rows of the token table that the language model had before it was given new tokens. */
export const oldTokens = (config: Pick<FlamingoConfig, 'image_token_id' | 'end_of_chunk_token_id'>): number =>
  Math.min(config.image_token_id, config.end_of_chunk_token_id);

const visionConfigOf = (json: unknown): ClipVisionConfig =>
  parseConfig({ vision_config: json }).vision_config;

/** Undefined, with its problems added to `problems`, where a tower is none. */
function towerOf<T>(problems: Violation[], path: string, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    problems.push(...error.violations.map((one) => ({ ...one, path: `${path}${one.path}` })));
    return undefined;
  }
}

function crossFieldViolations(config: FlamingoConfig): Violation[] {
  const { text_config, image_token_id, end_of_chunk_token_id, cross_attn_every_n_layers: every } = config;
  const ids = { image_token_id, end_of_chunk_token_id };
  const violations = tokenIdViolations('', ids, text_config.vocab_size);
  if (image_token_id === end_of_chunk_token_id)
    violations.push({
      path: '/end_of_chunk_token_id',
      expected: 'another token than image_token_id',
      actual: show(end_of_chunk_token_id),
      remedy: 'correct one of the two',
    });
  if (every > text_config.num_hidden_layers)
    violations.push({
      path: '/cross_attn_every_n_layers',
      expected: `at most the ${text_config.num_hidden_layers} layers of the decoder, or no layer sees an image`,
      actual: show(every),
      remedy: 'use a smaller interval',
    });
  return violations;
}
