/** Every parameter of a Llama decoder, in the order of the flat buffer; files have the Hugging Face names. */
import type { LlamaConfig } from './llama-config.ts';
import { type ParameterTensor, single, stacked } from './parameter-tensor.ts';

/** All compute tensors. `prefix` goes before every name where the decoder is a part of a larger model. */
export function llamaParameters(config: LlamaConfig, prefix = ''): ParameterTensor[] {
  const { hidden_size: width, vocab_size: vocabulary, num_hidden_layers: layers } = config;
  return [
    single(`${prefix}model.embed_tokens.weight`, [vocabulary, width]),
    ...Array.from({ length: layers }, (_, i) => block(`${prefix}model.layers.${i}`, config)).flat(),
    single(`${prefix}model.norm.weight`, [width]),
    ...(config.tie_word_embeddings ? [] : [single(`${prefix}lm_head.weight`, [vocabulary, width])]),
  ];
}

function block(prefix: string, config: LlamaConfig): ParameterTensor[] {
  const { hidden_size: width, intermediate_size: inner, head_dim: headDim } = config;
  const queries = config.num_attention_heads * headDim;
  const keys = config.num_key_value_heads * headDim;
  const part = (name: string, rows: number) => ({ name: `${prefix}.${name}.weight`, shape: [rows, width] });
  return [
    single(`${prefix}.input_layernorm.weight`, [width]),
    stacked(`${prefix}.self_attn.qkv_proj.weight`, [
      part('self_attn.q_proj', queries),
      part('self_attn.k_proj', keys),
      part('self_attn.v_proj', keys),
    ]),
    single(`${prefix}.self_attn.o_proj.weight`, [width, queries]),
    single(`${prefix}.post_attention_layernorm.weight`, [width]),
    stacked(`${prefix}.mlp.gate_up_proj.weight`, [part('mlp.gate_proj', inner), part('mlp.up_proj', inner)]),
    single(`${prefix}.mlp.down_proj.weight`, [width, inner]),
  ];
}
