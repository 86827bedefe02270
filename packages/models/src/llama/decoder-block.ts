/** One block of a Llama decoder. How it attends, to the sequence itself or through a cache, is the caller's business. */

import { linear, type RotaryTable, residual, rmsNorm, rotate, swiGlu, type tf } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import { checkpointed } from '../transformer/checkpointed.ts';
import type { Weights } from '../transformer/weights.ts';

/** What the blocks of one forward pass have in common besides their weights. */
export interface DecoderPass {
  /** The angles of every position of the hidden states. */
  readonly rotary: RotaryTable;
  /** `qkv` [B, T, (H + 2K)d], queries and keys already rotated, to [B, T, Hd]. */
  readonly attend: (qkv: tf.Tensor3D, layer: number) => tf.Tensor3D;
}

export interface BlockOptions extends DecoderPass {
  readonly weights: Weights;
  readonly config: LlamaConfig;
  /** Of the parameter names, up to and without `model.`. */
  readonly prefix: string;
  /** `checkpoint`: the block keeps its input alone and is computed again in the backward pass. Same bits. */
  readonly memory: ActivationMemory;
}

/** `hidden` [B, T, D] through block `layer`. Differentiable where `attend` is; run it inside a tidy. */
export function decoderBlock(hidden: tf.Tensor3D, layer: number, options: BlockOptions): tf.Tensor3D {
  if (options.memory === 'keep') return block(hidden, layer, options);
  return checkpointed(hidden, {
    keys: blockWeights.map((name) => `${options.prefix}model.layers.${layer}.${name}.weight`),
    weights: options.weights,
    block: (x, weights) => block(x, layer, { ...options, weights }),
  });
}

const blockWeights = [
  'input_layernorm',
  'self_attn.qkv_proj',
  'self_attn.o_proj',
  'post_attention_layernorm',
  'mlp.gate_up_proj',
  'mlp.down_proj',
] as const;
type BlockWeight = (typeof blockWeights)[number];

function block(hidden: tf.Tensor3D, layer: number, options: BlockOptions): tf.Tensor3D {
  const { weights, config, rotary, attend } = options;
  const prefix = `${options.prefix}model.layers.${layer}`;
  const apply = (x: tf.Tensor, name: BlockWeight) =>
    linear(x, weights<tf.Rank.R2>(`${prefix}.${name}.weight`));
  const normed = (x: tf.Tensor, name: BlockWeight) =>
    rmsNorm(x, weights<tf.Rank.R1>(`${prefix}.${name}.weight`), config.rms_norm_eps);
  const qkv = apply(normed(hidden, 'input_layernorm'), 'self_attn.qkv_proj') as tf.Tensor3D;
  const turned = rotate(qkv, {
    table: rotary,
    heads: config.num_attention_heads + config.num_key_value_heads,
  });
  const middle = residual(hidden, apply(attend(turned, layer), 'self_attn.o_proj'));
  const gateUp = apply(normed(middle, 'post_attention_layernorm'), 'mlp.gate_up_proj');
  return residual(middle, apply(swiGlu(gateUp), 'mlp.down_proj'));
}
