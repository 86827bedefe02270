/**
 * The Perceiver resampler of Flamingo (https://arxiv.org/abs/2204.14198, open_flamingo `src/helpers.py`): any number of
 * features of an image in, a fixed number of latents out. Images are independent of one another.
 */
import { crossAttention, embed, linear, residual, tf } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import { checkpointed } from '../transformer/checkpointed.ts';
import type { Weights } from '../transformer/weights.ts';
import { feedForward, feedForwardKeys, normalise } from './feed-forward.ts';
import type { PerceiverConfig } from './perceiver-parameters.ts';

export interface ResamplerOptions {
  readonly weights: Weights;
  readonly config: PerceiverConfig;
  readonly memory: ActivationMemory;
  /** Of the parameter names. */
  readonly prefix?: string;
  /** Frames of each image, whose features follow one another. Default 1. */
  readonly frames?: number;
  /** Images of each text, which follow one another. Default 1. */
  readonly images?: number;
}

/** Features [N, frames * v, D] of N images to latents [N, n, D]. Differentiable; the caller disposes the result. */
export function resample(features: tf.Tensor3D, options: ResamplerOptions): tf.Tensor3D {
  const { weights, config, prefix = 'perceiver' } = options;
  const [images] = features.shape;
  return tf.tidy(() => {
    const placed = withPlaces(features, options);
    const repeated = rows(weights(`${prefix}.latents`), images * config.latents, (i) => i % config.latents);
    let latents = tf.reshape<tf.Rank.R3>(repeated, [images, config.latents, -1]);
    for (let i = 0; i < config.depth; i++)
      latents = layer(latents, placed, { ...options, prefix: `${prefix}.layers.${i}` });
    return normalise(latents, `${prefix}.norm`, weights);
  });
}

/** Adds what says which frame of its image, and which image of its text, a feature belongs to. */
function withPlaces(features: tf.Tensor3D, options: ResamplerOptions): tf.Tensor3D {
  const { weights, config, prefix = 'perceiver', frames = 1, images = 1 } = options;
  const [count, tokens, width] = features.shape;
  let placed = features;
  const add = (table: tf.Tensor2D, rowOf: (token: number) => number) => {
    placed = residual(placed, tf.reshape(rows(table, count * tokens, rowOf), [count, tokens, width]));
  };
  if (config.max_frames !== undefined)
    add(weights(`${prefix}.frame_embs`), (token) => Math.floor((token % tokens) / (tokens / frames)));
  if (config.max_media !== undefined)
    add(
      tf.reshape(weights(`${prefix}.media_time_embs`), [-1, width]),
      (token) => Math.floor(token / tokens) % images,
    );
  return placed;
}

/** Rows of a table, of which the gradient is one sum for each row. */
const rows = (table: tf.Tensor2D, count: number, rowOf: (i: number) => number) =>
  embed(
    table as tf.Tensor2D,
    tf.tensor1d(
      Int32Array.from({ length: count }, (_, i) => rowOf(i)),
      'int32',
    ),
  );

/** One layer: the latents attend to features and latents, then the feed-forward branch. */
function layer(
  latents: tf.Tensor3D,
  features: tf.Tensor3D,
  options: ResamplerOptions & { readonly prefix: string },
): tf.Tensor3D {
  const { weights, memory, prefix } = options;
  if (memory === 'keep') return block(latents, features, options);
  const featuresKey = 'features';
  return checkpointed(latents, {
    keys: [featuresKey, ...attentionKeys(prefix), ...feedForwardKeys(`${prefix}.1`)],
    weights: ((key) => (key === featuresKey ? features : weights(key))) as Weights,
    block: (x, given) => block(x, given(featuresKey) as tf.Tensor3D, { ...options, weights: given }),
  });
}

const attentionKeys = (prefix: string): string[] =>
  [
    'norm_media.weight',
    'norm_media.bias',
    'norm_latents.weight',
    'norm_latents.bias',
    'to_q.weight',
    'to_kv.weight',
    'to_out.weight',
  ].map((name) => `${prefix}.0.${name}`);

function block(
  latents: tf.Tensor3D,
  features: tf.Tensor3D,
  { weights, config, prefix }: ResamplerOptions & { readonly prefix: string },
): tf.Tensor3D {
  const apply = (x: tf.Tensor, name: string) =>
    linear(x, weights<tf.Rank.R2>(`${prefix}.0.${name}.weight`)) as tf.Tensor3D;
  const normedLatents = normalise(latents, `${prefix}.0.norm_latents`, weights);
  const seen = tf.concat([normalise(features, `${prefix}.0.norm_media`, weights), normedLatents], 1);
  const attended = crossAttention(apply(normedLatents, 'to_q'), apply(seen, 'to_kv'), {
    heads: config.heads,
    mask: 'full',
  });
  const middle = residual(latents, apply(attended, 'to_out'));
  return residual(middle, feedForward(middle, `${prefix}.1`, weights));
}
