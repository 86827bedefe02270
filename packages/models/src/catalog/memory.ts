/** How much memory training a CLIP model takes on one worker: an estimate for planning, within a factor of two. */
import type { ClipConfig, TowerConfig } from './clip-config.ts';
import { parameterCount } from './clip-parameters.ts';

const FLOAT_BYTES = 4;
/** Node, TensorFlow.js and its kernels before any model is loaded. */
const PROCESS_BYTES = 300 * 2 ** 20;
/**
 * Copies of the parameter vector: weights (buffer and tensors), gradient (tensors, flat, reduced), two moments,
 * partial sums of the shards, and the serialised checkpoint with its three vectors.
 */
const PARAMETER_COPIES = 14;

/** Peak bytes of a worker that holds the activations of one shard of `shardSize` samples at a time. */
export function estimateMemoryBytes(config: ClipConfig, shardSize: number): number {
  const parameters = PARAMETER_COPIES * FLOAT_BYTES * parameterCount(config);
  return PROCESS_BYTES + parameters + activationBytes(config, shardSize);
}

/** Bytes that the recorded forward pass of `samples` image-text pairs keeps until its backward pass. */
export function activationBytes(config: ClipConfig, samples: number): number {
  const { text_config: text, vision_config: vision } = config;
  const patches = (vision.image_size / vision.patch_size) ** 2;
  const floats = towerFloats(text, text.max_position_embeddings) + towerFloats(vision, patches + 1);
  return FLOAT_BYTES * samples * floats;
}

function towerFloats(tower: TowerConfig, tokens: number): number {
  // A block keeps two norms, packed q k v, attention output and its projection, two residual sums, and the wide layer twice.
  const widths = 9 * tower.hidden_size + 2 * tower.intermediate_size;
  const attention = 2 * tower.num_attention_heads * tokens;
  return tokens * ((widths + attention) * tower.num_hidden_layers + 4 * tower.hidden_size);
}
