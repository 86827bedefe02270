/** The pre-norm transformer blocks that both CLIP towers are made of. */

import { attention, checkpoint, gelu, layerNorm, linear, residual, tf } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import type { TowerConfig } from '../catalog/clip-config.ts';
import type { Weights } from './weights.ts';

export interface EncoderOptions {
  readonly weights: Weights;
  /** Of the parameter names, for example `text_model.encoder`. */
  readonly prefix: string;
  readonly tower: TowerConfig;
  readonly causal: boolean;
  /** `checkpoint`: a block keeps its input alone and is computed again in the backward pass. Same bits. */
  readonly memory: ActivationMemory;
}

/** `hidden` [B, T, D] through all blocks. Differentiable. */
export function encode(hidden: tf.Tensor3D, options: EncoderOptions): tf.Tensor3D {
  const through = options.memory === 'checkpoint' ? checkpointedBlock : block;
  let output = hidden;
  for (let i = 0; i < options.tower.num_hidden_layers; i++) {
    // What the backward pass needs has been kept; the rest goes here, or an evaluation would hold every block at once.
    const next = tf.tidy(() => through(output, `${options.prefix}.layers.${i}`, options));
    if (output !== hidden) output.dispose();
    output = next;
  }
  return output;
}

const blockLayers = [
  'layer_norm1',
  'self_attn.qkv_proj',
  'self_attn.out_proj',
  'layer_norm2',
  'mlp.fc1',
  'mlp.fc2',
];

function checkpointedBlock(hidden: tf.Tensor3D, prefix: string, options: EncoderOptions): tf.Tensor3D {
  const keys = blockLayers.flatMap((layer) => [`${prefix}.${layer}.weight`, `${prefix}.${layer}.bias`]);
  const inputs: Record<string, tf.Tensor> = { hidden };
  for (const key of keys) inputs[key] = options.weights(key);
  return checkpoint(inputs, (given) => {
    const weights = ((key) => given[key]) as Weights;
    return block(given['hidden'] as tf.Tensor3D, prefix, { ...options, weights });
  }) as tf.Tensor3D;
}

function block(hidden: tf.Tensor3D, prefix: string, options: EncoderOptions): tf.Tensor3D {
  const { weights, tower, causal } = options;
  const apply = (x: tf.Tensor, name: string) =>
    linear(x, weights(`${prefix}.${name}.weight`), weights(`${prefix}.${name}.bias`));
  const normed = normalise(hidden, `${prefix}.layer_norm1`, options);
  const qkv = apply(normed, 'self_attn.qkv_proj') as tf.Tensor3D;
  const attended = attention(qkv, { heads: tower.num_attention_heads, mask: causal ? 'causal' : 'full' });
  const middle = residual(hidden, apply(attended, 'self_attn.out_proj'));
  const inner = apply(normalise(middle, `${prefix}.layer_norm2`, options), 'mlp.fc1');
  return residual(middle, apply(gelu(inner, tower.hidden_act), 'mlp.fc2'));
}

/** The layer norm whose parameters are `name`.weight and `name`.bias. */
export function normalise<T extends tf.Tensor>(
  x: T,
  name: string,
  { weights, tower }: Pick<EncoderOptions, 'weights' | 'tower'>,
): T {
  return layerNorm(x, weights(`${name}.weight`), weights(`${name}.bias`), tower.layer_norm_eps) as T;
}
