/** CLIP: an image tower and a text tower whose normalised outputs share one space. Forward only; it owns no tensor. */

import { embed, l2Normalize, linear, tf } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import type { ClipConfig } from '../catalog/clip-config.ts';
import { encodePooled, normalise } from '../transformer/encoder.ts';
import type { Weights } from '../transformer/weights.ts';
import { visionPooled } from '../vit/vision-tower.ts';
import { endPositions } from './text-pooling.ts';

export class Clip {
  readonly config: ClipConfig;
  readonly #weights: Weights;
  readonly #memory: ActivationMemory;

  /** `weights` find every tensor of this configuration, and stay the caller's. */
  constructor(
    config: ClipConfig,
    weights: Weights,
    { memory = 'keep' }: { readonly memory?: ActivationMemory } = {},
  ) {
    this.config = config;
    this.#memory = memory;
    this.#weights = weights;
  }

  /** Patches [B, N, 3pp] to unit vectors [B, P]. Differentiable; the caller disposes the result. */
  encodeImages(patches: tf.Tensor3D): tf.Tensor2D {
    const weights = this.#weights;
    const tower = this.config.vision_config;
    return tf.tidy(() => {
      const pooled = visionPooled(patches, { weights, tower, memory: this.#memory });
      const normed = normalise(pooled, 'vision_model.post_layernorm', { weights, tower });
      return l2Normalize(linear(normed, weights('visual_projection.weight'))) as tf.Tensor2D;
    });
  }

  /** Token ids [batch, context], row by row, to unit vectors [batch, P]. Differentiable; the caller disposes the result. */
  encodeText(ids: Int32Array, batch: number): tf.Tensor2D {
    const weights = this.#weights;
    const tower = this.config.text_config;
    const ends = endPositions(ids, batch, tower);
    // Attention is causal: what follows the last end token cannot reach any end token, so it is left out.
    const context = Math.max(...ends) + 1;
    return tf.tidy(() => {
      const tokens = tf.tensor2d(firstColumns(ids, batch, context), [batch, context], 'int32');
      const embedded = embed(weights('text_model.embeddings.token_embedding.weight'), tokens);
      const table = weights<tf.Rank.R2>('text_model.embeddings.position_embedding.weight');
      const positions = context === table.shape[0] ? table : tf.slice(table, [0, 0], [context, -1]);
      const pooled = encodePooled(tf.add(embedded, positions), ends, {
        weights,
        prefix: 'text_model.encoder',
        tower,
        causal: true,
        memory: this.#memory,
      });
      const normed = normalise(pooled, 'text_model.final_layer_norm', { weights, tower });
      return l2Normalize(linear(normed, weights('text_projection.weight'))) as tf.Tensor2D;
    });
  }
}

/** Of a matrix with `rows` rows. */
function firstColumns(values: Int32Array, rows: number, columns: number): Int32Array {
  const width = values.length / rows;
  return Int32Array.from(
    { length: rows * columns },
    (_, i) => values[Math.floor(i / columns) * width + (i % columns)]!,
  );
}
