/**
 * What a CLIP model's tensors take on the backend: what a recorded forward pass keeps, and what the passes need for a moment
 * on top. Counted operation by operation; a test compares it with what the engine holds. The rest of a worker's memory is
 * counted in packages/training (catalog/estimate-memory.ts).
 */
import type { ActivationMemory } from '@triptych/protocol';
import type { ClipConfig, TowerConfig } from './clip-config.ts';

const FLOAT_BYTES = 4;
/** Samples that are embedded at once when a model is scored. */
export const EVALUATION_BLOCK = { images: 32, texts: 64 };

export interface ActivationOptions {
  /** Image-text pairs in one forward pass. */
  readonly samples: number;
  readonly memory: ActivationMemory;
}

/** Bytes that the recorded forward pass of `samples` image-text pairs keeps until its backward pass. */
export function activationBytes(config: ClipConfig, options: ActivationOptions): number {
  const { vision, text } = towers(config);
  return FLOAT_BYTES * (keptFloats(vision, options) + keptFloats(text, options));
}

/**
 * The most bytes that the backward pass of one recorded pass needs beyond the weights and beyond what other recordings
 * keep: what is kept (it is released on the way) and the gradients in flight. The text tower, recorded last, goes first.
 */
export function backwardBytes(config: ClipConfig, options: ActivationOptions): number {
  const { vision, text } = towers(config);
  const kept = { vision: keptFloats(vision, options), text: keptFloats(text, options) };
  const { vocab_size, hidden_size } = config.text_config;
  return (
    FLOAT_BYTES *
    Math.max(
      kept.vision + kept.text + backwardFloats(text, options),
      // At the end of the text tower its activations are gone and the gradient of the token table is there.
      kept.vision + vocab_size * hidden_size + options.samples * text.tokens * hidden_size,
      kept.vision + backwardFloats(vision, options),
    )
  );
}

/** The same two of the image tower alone. */
export function visionBytes(
  config: ClipConfig,
  options: ActivationOptions,
): { readonly kept: number; readonly backward: number } {
  const { vision } = towers(config);
  const kept = keptFloats(vision, options);
  return { kept: FLOAT_BYTES * kept, backward: FLOAT_BYTES * (kept + backwardFloats(vision, options)) };
}

/** The most bytes that a forward pass needs that is not recorded: one block, and what comes before the first. */
export function forwardBytes(config: ClipConfig, samples: { images: number; texts: number }): number {
  const { vision, text } = towers(config);
  const peak = (tower: Tower, count: number) => {
    const { hidden_size: width, intermediate_size: inner } = tower.config;
    // Probabilities are gone before the wide layer; all else stays to the end of the block.
    const block = Math.max(6 * width + probabilities(tower), 11 * width + 2 * inner);
    return count * tower.tokens * (block + tower.inputWidth + (tower.stem + 1) * width);
  };
  return FLOAT_BYTES * Math.max(peak(vision, samples.images), peak(text, samples.texts));
}

interface Tower {
  readonly config: TowerConfig;
  readonly tokens: number;
  /** Floats a token that the input itself takes on the backend. */
  readonly inputWidth: number;
  /** Tensors of the hidden width that are kept before the first block. */
  readonly stem: number;
}

function towers({ vision_config, text_config }: ClipConfig): { vision: Tower; text: Tower } {
  const { image_size, patch_size, num_channels } = vision_config;
  return {
    vision: {
      config: vision_config,
      tokens: (image_size / patch_size) ** 2 + 1,
      inputWidth: num_channels * patch_size ** 2,
      // Patch embeddings, with the class token in front, with positions added.
      stem: 3,
    },
    text: { config: text_config, tokens: text_config.max_position_embeddings, inputWidth: 1, stem: 1 },
  };
}

function keptFloats(tower: Tower, { samples, memory }: ActivationOptions): number {
  const { tokens, inputWidth, stem, config } = tower;
  const { hidden_size: width, num_hidden_layers: blocks } = config;
  const before = samples * tokens * (inputWidth + stem * width);
  if (memory === 'checkpoint') return before + samples * tokens * blocks * width;
  return before + samples * tokens * (blocks - 1) * blockFloats(tower) + pooledBlockFloats(tower, samples);
}

/**
 * Kept by the last block: of every token its input, normed, key and value; of the one that is pooled what any block keeps;
 * and the two parts that its packed projection is cut into.
 */
function pooledBlockFloats(tower: Tower, samples: number): number {
  const { hidden_size: width, intermediate_size: inner } = tower.config;
  const sample = tower.tokens * (4 * width + 2) + 6 * width + 2 * inner + probabilities(tower);
  return samples * sample + 3 * width * width;
}

/**
 * Kept by one block for a token: its input, both normed ones, packed q k v, the attention's output, the first sum, the wide layer
 * before and after its activation, attention probabilities, mean and deviation of two norms.
 */
function blockFloats(tower: Tower): number {
  const { hidden_size: width, intermediate_size: inner } = tower.config;
  return 8 * width + 2 * inner + probabilities(tower) + 4;
}

/** A row of attention probabilities for each head, padded for SIMD. */
const probabilities = ({ config, tokens }: Tower): number =>
  config.num_attention_heads * Math.ceil(tokens / 4) * 4;

/**
 * Gradients in flight, beyond what all blocks keep. They are most around the wide layer of a block before the last, when
 * what the last one kept is gone; checkpointed, that block is there again (its input and what it keeps besides, its
 * output), and the gradients of its weights stay until all of it is done.
 */
function backwardFloats(tower: Tower, { samples, memory }: ActivationOptions): number {
  const { hidden_size: width, intermediate_size: inner } = tower.config;
  const rows = samples * tower.tokens;
  const last = pooledBlockFloats(tower, samples);
  // Gradients of its input, of what is normed, of keys and values, and of the projection in parts and whole.
  const lastGradients = rows * 4 * width + 6 * width * width;
  const wide = rows * (width + 2 * inner) + inner * width;
  if (memory === 'keep') return Math.max(lastGradients, wide - last);
  const weights = 4 * width * width + 2 * inner * width;
  const again = Math.max(wide + rows * blockFloats(tower), weights + rows * 5 * width);
  return Math.max(last + lastGradients, again - rows * width);
}
