/**
 * The configuration of a Llama decoder: the fields of a Hugging Face `config.json` that decide what is computed.
 * Reading fills the defaults of `LlamaConfig`, takes `rope_theta` from where old files (top level) or new ones
 * (`rope_parameters`) have it, and drops what has no effect here. Biases are refused, and scalings of rotary positions that
 * are not known.
 */
import { type Violation, violationsOf } from '@triptych/protocol';
import { type Static, Type } from 'typebox';
import { divisorViolations, invalidConfig, isRecord, pick, size, tokenIdViolations } from './config-file.ts';
import { RopeScaling, ropeViolations, statedRope } from './rope-scaling.ts';

const TokenId = Type.Integer({ minimum: 0 });

export const LlamaConfig = Type.Object({
  model_type: Type.Literal('llama'),
  hidden_size: size(65_536),
  intermediate_size: size(262_144),
  num_hidden_layers: size(256),
  num_attention_heads: size(1024),
  /** Fewer than heads: grouped-query attention. */
  num_key_value_heads: size(1024),
  head_dim: Type.Integer({ minimum: 2, maximum: 1024, multipleOf: 2 }),
  hidden_act: Type.Literal('silu'),
  vocab_size: size(10_000_000),
  max_position_embeddings: size(16_777_216),
  rms_norm_eps: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
  rope_theta: Type.Number({ exclusiveMinimum: 1 }),
  /** Absent: positions as they are. */
  rope_scaling: Type.Optional(RopeScaling),
  attention_bias: Type.Literal(false),
  mlp_bias: Type.Literal(false),
  /** The logits are computed with the token table; there is no `lm_head.weight`. */
  tie_word_embeddings: Type.Boolean(),
  bos_token_id: TokenId,
  eos_token_id: Type.Union([TokenId, Type.Array(TokenId, { minItems: 1 })]),
  pad_token_id: Type.Optional(TokenId),
});
export type LlamaConfig = Static<typeof LlamaConfig>;

const defaults = {
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 11_008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  hidden_act: 'silu',
  vocab_size: 32_000,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
  attention_bias: false,
  mlp_bias: false,
  tie_word_embeddings: false,
  bos_token_id: 1,
  eos_token_id: 2,
};

/**
 * A parsed `config.json` as a complete {@link LlamaConfig}.
 * @throws TriptychError MODEL_INVALID with every violation, cross-field ones included.
 */
export function parseLlamaConfig(json: unknown): LlamaConfig {
  const { config, violations } = readLlamaConfig(json);
  if (violations.length > 0) throw invalidConfig('Llama', violations);
  return config;
}

/** The same for a part of a larger configuration; `config` counts only where there are no violations. */
export function readLlamaConfig(json: unknown): {
  readonly config: LlamaConfig;
  readonly violations: readonly Violation[];
} {
  const source = isRecord(json) ? json : {};
  const { rope_scaling: _, ...plain } = source;
  const stated = pick(LlamaConfig.properties, { ...plain, ...statedRope({ ...defaults, ...source }) });
  const config = { ...derived({ ...defaults, ...stated }), ...defaults, ...stated } as LlamaConfig;
  if (!isRecord(json)) return { config, violations: violationsOf(LlamaConfig, json) };
  const violations = [...violationsOf(LlamaConfig, config), ...ropeViolations(json)];
  return { config, violations: violations.length > 0 ? violations : crossFieldViolations(config) };
}

/** A width that the heads do not divide gives no `head_dim`, which is then reported as missing. */
function derived({ num_attention_heads: heads, hidden_size: width }: Record<string, unknown>): object {
  const headDim = (width as number) / (heads as number);
  return { num_key_value_heads: heads, ...(Number.isInteger(headDim) ? { head_dim: headDim } : {}) };
}

function crossFieldViolations(config: LlamaConfig): Violation[] {
  const { num_key_value_heads: shared, num_attention_heads: heads } = config;
  const { bos_token_id, eos_token_id, pad_token_id, vocab_size } = config;
  return [
    ...divisorViolations('/num_key_value_heads', shared, { name: 'num_attention_heads', value: heads }),
    ...tokenIdViolations('', { bos_token_id, eos_token_id, pad_token_id }, vocab_size),
  ];
}
