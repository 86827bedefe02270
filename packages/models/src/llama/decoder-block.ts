/** One block of a Llama decoder. How it attends, to the sequence itself or through a cache, is the caller's business. */

import { type RotaryTable, residual, rmsNorm, rotate, swiGlu, type tf } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import { checkpointed } from '../transformer/checkpointed.ts';
import { type Projection, plainProjection } from '../transformer/projection.ts';
import type { Weights } from '../transformer/weights.ts';

/** What the blocks of one forward pass have in common besides their weights. */
export interface DecoderPass {
  /** The angles of every position of the hidden states. */
  readonly rotary: RotaryTable;
  /** `qkv` [B, T, (H + 2K)d], queries and keys already rotated, to [B, T, Hd]. */
  readonly attend: (qkv: tf.Tensor3D, layer: number) => tf.Tensor3D;
  /** How the matrices of the blocks are applied: `plainProjection` where absent. */
  readonly projection?: Projection;
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
  const keyOf = (name: string) => `${options.prefix}model.layers.${layer}.${name}.weight`;
  const { projection = plainProjection } = options;
  return checkpointed(hidden, {
    keys: [...norms.map(keyOf), ...matrices.flatMap((name) => projection.keysOf(keyOf(name)))],
    weights: options.weights,
    block: (x, weights) => block(x, layer, { ...options, weights }),
  });
}

const norms = ['input_layernorm', 'post_attention_layernorm'] as const;
const matrices = ['self_attn.qkv_proj', 'self_attn.o_proj', 'mlp.gate_up_proj', 'mlp.down_proj'] as const;

function block(hidden: tf.Tensor3D, layer: number, options: BlockOptions): tf.Tensor3D {
  const { weights, config, rotary, attend, projection = plainProjection } = options;
  const prefix = `${options.prefix}model.layers.${layer}`;
  const apply = (x: tf.Tensor, name: (typeof matrices)[number]) =>
    projection.apply(x, `${prefix}.${name}.weight`, weights);
  const normed = (x: tf.Tensor, name: (typeof norms)[number]) =>
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
