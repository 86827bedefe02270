/**
 * Llama decoders known by name. They are the language models inside other architectures, and what tests and benchmarks
 * run: a run cannot name one, so they are kept apart from `presets`.
 */
import type { LlamaConfig } from './llama-config.ts';

interface DecoderShape {
  readonly width: number;
  readonly inner: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocabulary: number;
  readonly context: number;
}

const decoder = (shape: DecoderShape): LlamaConfig => ({
  model_type: 'llama',
  hidden_size: shape.width,
  intermediate_size: shape.inner,
  num_hidden_layers: shape.layers,
  num_attention_heads: shape.heads,
  num_key_value_heads: shape.keyValueHeads,
  head_dim: shape.width / shape.heads,
  hidden_act: 'silu',
  vocab_size: shape.vocabulary,
  max_position_embeddings: shape.context,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  attention_bias: false,
  mlp_bias: false,
  tie_word_embeddings: false,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 0,
});

export const llamaPresets: Readonly<Record<'llama-tiny' | 'llama-7b', LlamaConfig>> = {
  'llama-tiny': decoder({
    width: 64,
    inner: 172,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
    vocabulary: 512,
    context: 256,
  }),
  /** The language model of LLaVA-1.5-7B. */
  'llama-7b': decoder({
    width: 4096,
    inner: 11_008,
    layers: 32,
    heads: 32,
    keyValueHeads: 32,
    vocabulary: 32_000,
    context: 4096,
  }),
};
