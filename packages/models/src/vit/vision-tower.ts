/** The vision transformer of CLIP: patches in, hidden states out. Which of them is used, and how, is the caller's business. */

import { linear, tf } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import type { ClipVisionConfig } from '../catalog/clip-config.ts';
import { encodePooled, hiddenStates, normalise } from '../transformer/encoder.ts';
import type { Weights } from '../transformer/weights.ts';

const PREFIX = 'vision_model';

export interface VisionOptions {
  readonly weights: Weights;
  readonly tower: ClipVisionConfig;
  readonly memory: ActivationMemory;
}

/** `patches` [B, N, 3pp] to the last hidden state [B, N + 1, D] before the post norm; the class token comes first. */
export function visionHidden(patches: tf.Tensor3D, options: VisionOptions): tf.Tensor3D {
  return visionStates(patches, options, [options.tower.num_hidden_layers])[0]!;
}

/** The hidden states [B, N + 1, D] after so many blocks; 0: what the first one sees. Later blocks are not run. */
export function visionStates(
  patches: tf.Tensor3D,
  options: VisionOptions,
  blockCounts: readonly number[],
): tf.Tensor3D[] {
  return hiddenStates(embedded(patches, options), encoderOptions(options), blockCounts);
}

/** The class token alone of the last hidden state: [B, D]. */
export function visionPooled(patches: tf.Tensor3D, options: VisionOptions): tf.Tensor2D {
  const positions = new Int32Array(patches.shape[0]);
  return encodePooled(embedded(patches, options), positions, encoderOptions(options));
}

const encoderOptions = (options: VisionOptions) => ({
  ...options,
  prefix: `${PREFIX}.encoder`,
  causal: false,
});

/** What the first block sees: class token, patches, positions, normalised. */
function embedded(patches: tf.Tensor3D, { weights, tower }: VisionOptions): tf.Tensor3D {
  const batch = patches.shape[0];
  const embeddings = `${PREFIX}.embeddings`;
  const patchEmbeddings = linear(patches, weights(`${embeddings}.patch_embedding.weight`));
  const classEmbedding = tf.reshape(weights<tf.Rank.R1>(`${embeddings}.class_embedding`), [1, 1, -1]);
  const tokens = tf.concat([tf.tile(classEmbedding, [batch, 1, 1]), patchEmbeddings], 1);
  const positioned = tf.add<tf.Tensor3D>(tokens, weights(`${embeddings}.position_embedding.weight`));
  return normalise(positioned, `${PREFIX}.pre_layrnorm`, { weights, tower });
}
