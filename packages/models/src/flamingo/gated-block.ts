/**
 * Flamingo's gated cross-attention (https://arxiv.org/abs/2204.14198, open_flamingo `src/helpers.py`): what a text sees of
 * its images is added to the hidden states before a decoder layer. Gates of zero leave the hidden states as they are.
 */
import { type CrossAttentionOptions, crossAttention, linear, residual, tf } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import { feedForward, feedForwardKeys, normalise } from '../perceiver/feed-forward.ts';
import { checkpointed } from '../transformer/checkpointed.ts';
import type { Weights } from '../transformer/weights.ts';

export interface GatedBlockOptions {
  readonly weights: Weights;
  /** Of the parameter names, up to and without `.attn_gate`. */
  readonly name: string;
  /** Heads, and which latents each token sees. */
  readonly attention: Pick<CrossAttentionOptions, 'heads' | 'mask' | 'blind'>;
  readonly memory: ActivationMemory;
}

/** `hidden` [B, T, D] with what it sees of `media` [B, M, Dv] added. Differentiable; run it inside a tidy. */
export function gatedBlock(hidden: tf.Tensor3D, media: tf.Tensor3D, options: GatedBlockOptions): tf.Tensor3D {
  const { weights, name, memory } = options;
  if (memory === 'keep') return gatedBlockOver(hidden, mediaKeysAndValues(media, name, weights), options);
  const mediaKey = 'media';
  return checkpointed(hidden, {
    keys: [mediaKey, ...blockKeys(name)],
    weights: ((key) => (key === mediaKey ? media : weights(key))) as Weights,
    block: (x, given) => {
      const keysAndValues = mediaKeysAndValues(given(mediaKey) as tf.Tensor3D, name, given);
      return gatedBlockOver(x, keysAndValues, { ...options, weights: given });
    },
  });
}

/** Keys and values [B, M, 2Hd] of the media for one block: generation computes them once. */
export const mediaKeysAndValues = (media: tf.Tensor3D, name: string, weights: Weights): tf.Tensor3D =>
  linear(media, weights<tf.Rank.R2>(`${name}.attn.to_kv.weight`)) as tf.Tensor3D;

/** The block over keys and values that are there already; it keeps all that a backward pass needs. */
export function gatedBlockOver(
  hidden: tf.Tensor3D,
  keysAndValues: tf.Tensor3D,
  { weights, name, attention }: Omit<GatedBlockOptions, 'memory'>,
): tf.Tensor3D {
  const apply = (x: tf.Tensor, part: string) => linear(x, weights<tf.Rank.R2>(`${name}.attn.${part}.weight`));
  const gated = (branch: tf.Tensor, gate: string) => tf.mul(branch, tf.tanh(weights(`${name}.${gate}`)));
  const queries = apply(normalise(hidden, `${name}.attn.norm`, weights), 'to_q') as tf.Tensor3D;
  const seen = apply(crossAttention(queries, keysAndValues, attention), 'to_out');
  const middle = residual(hidden, gated(seen, 'attn_gate'));
  return residual(middle, gated(feedForward(middle, `${name}.ff`, weights), 'ff_gate'));
}

const blockKeys = (name: string): string[] => [
  ...['attn_gate', 'ff_gate'].map((gate) => `${name}.${gate}`),
  ...['norm.weight', 'norm.bias', 'to_q.weight', 'to_kv.weight', 'to_out.weight'].map(
    (part) => `${name}.attn.${part}`,
  ),
  ...feedForwardKeys(`${name}.ff`),
];
