/**
 * What a LLaVA's tensors take on the backend: what a recorded forward pass keeps, and what the passes need for a moment on top.
 * Tensor-free; a test compares it with what the engine holds.
 */
import type { ActivationMemory } from '@triptych/protocol';
import {
  type BlockStack,
  type DecoderRows,
  decoderBlocks,
  flightOfBlock,
  keptByBlocks,
  towerBlocks,
} from '../transformer/block-memory.ts';
import { featureDepths, featureWidth, type LlavaConfig, projectorLayers } from './config.ts';

const FLOAT_BYTES = 4;

export interface LlavaShape extends Pick<DecoderRows, 'adapters'> {
  readonly samples: number;
  /** Of each text, image tokens and padding included. */
  readonly tokens: number;
  /** Of all texts. */
  readonly images: number;
  /** Rows of logits. */
  readonly targets: number;
  readonly memory: ActivationMemory;
  readonly visionTrained: boolean;
}

/** Bytes that a recorded forward pass keeps until its backward pass. */
export function keptBytes(config: LlavaConfig, shape: LlavaShape): number {
  const { vision, decoder, stem, projector, head } = parts(config, shape);
  const { memory } = shape;
  return (
    FLOAT_BYTES * (stem + keptByBlocks(vision, memory) + projector + keptByBlocks(decoder, memory) + head)
  );
}

/**
 * The most bytes of the backward pass beyond the weights, what is kept included: at the logits, or in the block that needs
 * most when what comes after its tower has been released.
 */
export function peakBackwardBytes(config: LlavaConfig, shape: LlavaShape): number {
  const { vision, decoder, stem, projector, head } = parts(config, shape);
  const { memory, targets } = shape;
  const { vocab_size: vocabulary, hidden_size: width } = config.text_config;
  const below = stem + keptByBlocks(vision, memory);
  const all = below + projector + keptByBlocks(decoder, memory);
  // The logits and their gradient are there to the end.
  const logits = 2 * targets * vocabulary;
  return (
    FLOAT_BYTES *
    Math.max(
      all + head + targets * (vocabulary + width) + vocabulary * width,
      all + logits + flightOfBlock(decoder, memory),
      below + logits + flightOfBlock(vision, memory),
    )
  );
}

/** The most bytes of a forward pass that is not recorded: one block, and what lies beside it. */
export function peakForwardBytes(config: LlavaConfig, shape: LlavaShape): number {
  const { vision, decoder, stem, head } = parts(config, { ...shape, visionTrained: true });
  const blockOf = ({ kept, input, passing }: BlockStack) => kept + input + passing;
  return FLOAT_BYTES * Math.max(stem + blockOf(vision), blockOf(decoder), head + decoder.input);
}

interface Parts {
  readonly vision: BlockStack;
  readonly decoder: BlockStack;
  /** Floats before the first block of the tower, and what is kept of a tower that is not trained: nothing. */
  readonly stem: number;
  readonly projector: number;
  readonly head: number;
}

function parts(config: LlavaConfig, shape: LlavaShape): Parts {
  const { vision_config: tower, text_config: text } = config;
  const length = (tower.image_size / tower.patch_size) ** 2 + 1;
  const imageRows = shape.images * length;
  const count = shape.visionTrained ? Math.max(...featureDepths(config)) : 0;
  const featureRows = shape.images * config.image_seq_length;
  const layers = projectorLayers(config);
  const { adapters } = shape;
  return {
    vision: towerBlocks(tower, { count, rows: imageRows, length }),
    decoder: decoderBlocks(text, {
      rows: shape.samples * shape.tokens,
      length: shape.tokens,
      ...(adapters && { adapters }),
    }),
    // Patches, their embeddings, with the class token in front, with positions added; the states that features are cut from.
    stem: shape.visionTrained
      ? imageRows * (3 * tower.patch_size ** 2 + 3 * tower.hidden_size + featureWidth(config))
      : 0,
    // Features; before and after each activation.
    projector: featureRows * (featureWidth(config) + 2 * Math.max(0, layers - 1) * text.hidden_size),
    // Last hidden states before and after their norm, the rows that are predicted from, their logits.
    head:
      2 * shape.samples * shape.tokens * text.hidden_size +
      shape.targets * (text.hidden_size + text.vocab_size),
  };
}
