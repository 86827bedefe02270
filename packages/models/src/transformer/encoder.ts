/** The pre-norm transformer blocks that both CLIP towers are made of. */

import { attention, gelu, layerNorm, linear, tf } from '@triptych/nn';
import type { TowerConfig } from '../catalog/clip-config.ts';
import type { Weights } from './weights.ts';

export interface EncoderOptions {
  readonly weights: Weights;
  /** Of the parameter names, for example `text_model.encoder`. */
  readonly prefix: string;
  readonly tower: TowerConfig;
  readonly causal: boolean;
}

/** `hidden` [B, T, D] through all blocks. Differentiable. */
export function encode(hidden: tf.Tensor3D, options: EncoderOptions): tf.Tensor3D {
  let output = hidden;
  for (let i = 0; i < options.tower.num_hidden_layers; i++)
    output = block(output, `${options.prefix}.layers.${i}`, options);
  return output;
}

function block(hidden: tf.Tensor3D, prefix: string, options: EncoderOptions): tf.Tensor3D {
  const { weights, tower, causal } = options;
  const apply = (x: tf.Tensor, name: string) =>
    linear(x, weights(`${prefix}.${name}.weight`), weights(`${prefix}.${name}.bias`));
  const normed = normalise(hidden, `${prefix}.layer_norm1`, options);
  const qkv = apply(normed, 'self_attn.qkv_proj') as tf.Tensor3D;
  const attended = attention(qkv, { heads: tower.num_attention_heads, mask: causal ? 'causal' : 'full' });
  const middle = tf.add(hidden, apply(attended, 'self_attn.out_proj'));
  const inner = apply(normalise(middle, `${prefix}.layer_norm2`, options), 'mlp.fc1');
  return tf.add(middle, apply(gelu(inner, tower.hidden_act), 'mlp.fc2'));
}

/** The layer norm whose parameters are `name`.weight and `name`.bias. */
export function normalise<T extends tf.Tensor>(
  x: T,
  name: string,
  { weights, tower }: Pick<EncoderOptions, 'weights' | 'tower'>,
): T {
  return layerNorm(x, weights(`${name}.weight`), weights(`${name}.bias`), tower.layer_norm_eps) as T;
}
