/**
 * What a Flamingo's tensors take on the backend: what a recorded forward pass keeps, and what the passes need for a moment on
 * top. Counted operation by operation; a test compares it with what the engine holds. Tensor-free.
 */
import type { ActivationMemory } from '@triptych/protocol';
import { type FlamingoConfig, gatedLayers } from './config.ts';

const FLOAT_BYTES = 4;

export interface FlamingoShape {
  readonly samples: number;
  /** Of each text, padding included. */
  readonly tokens: number;
  /** Image slots of each text. */
  readonly images: number;
  /** Rows of logits. */
  readonly targets: number;
  readonly memory: ActivationMemory;
  readonly visionTrained: boolean;
}

/** Bytes that a recorded forward pass keeps until its backward pass. */
export function keptBytes(config: FlamingoConfig, shape: FlamingoShape): number {
  const { vision, perceiver, gate, decoder, head } = parts(config, shape);
  const towers = [vision, perceiver, gate, decoder].reduce((sum, part) => sum + keptBy(part, shape), 0);
  return FLOAT_BYTES * (towers + head);
}

/**
 * The most bytes of the backward pass beyond the weights, what is kept included: at the logits, or in the block that needs
 * most (a checkpointed one is there a second time) when what comes after its tower has been released.
 */
export function peakBackwardBytes(config: FlamingoConfig, shape: FlamingoShape): number {
  const { vision, perceiver, gate, decoder, head } = parts(config, shape);
  const again = shape.memory === 'keep' ? 0 : 1;
  const block = ({ count, kept, flight, weights }: Part) =>
    count === 0 ? 0 : again * (kept + weights) + flight;
  const below = [keptBy(vision, shape), keptBy(perceiver, shape)] as const;
  const all = below[0] + below[1] + keptBy(gate, shape) + keptBy(decoder, shape);
  return (
    FLOAT_BYTES *
    Math.max(
      all + head + shape.targets * config.text_config.vocab_size,
      all + Math.max(block(gate), block(decoder)),
      below[0] + below[1] + block(perceiver),
      below[0] + block(vision),
    )
  );
}

/** The most bytes of a forward pass that is not recorded: one block, and what lies beside it. */
export function peakForwardBytes(config: FlamingoConfig, shape: FlamingoShape): number {
  const { vision, perceiver, gate, decoder, head } = parts(config, { ...shape, visionTrained: true });
  const rows = shape.samples * shape.tokens;
  const { hidden_size: width } = config.text_config;
  // A gated block and its decoder block are gone together, with six sums and products that no backward pass would need.
  const blocks = gate.media + gate.kept + decoder.kept + rows * 6 * width;
  return (
    FLOAT_BYTES *
    Math.max(
      vision.before + vision.kept + vision.input,
      perceiver.before + perceiver.count * (perceiver.kept + 3 * perceiver.input),
      blocks + decoder.input,
      head + decoder.input,
    )
  );
}

const keptBy = ({ count, kept, input, before }: Part, { memory }: FlamingoShape): number =>
  before + count * (memory === 'keep' ? kept : input);

interface Part {
  readonly count: number;
  /** Floats that are kept before the first block. */
  readonly before: number;
  /** Floats that one block keeps, and its input alone. */
  readonly kept: number;
  readonly input: number;
  /** Gradients in flight around its widest layer, and of its weights. */
  readonly flight: number;
  readonly weights: number;
}

function parts(config: FlamingoConfig, shape: FlamingoShape) {
  return {
    vision: visionPart(config, shape),
    perceiver: perceiverPart(config, shape),
    gate: gatePart(config, shape),
    decoder: decoderPart(config, shape),
    // Last hidden states before and after their norm, the rows that are predicted from, their logits.
    head:
      2 * shape.samples * shape.tokens * config.text_config.hidden_size +
      shape.targets * (config.text_config.hidden_size + config.text_config.vocab_size),
  };
}

/** A row of attention probabilities is padded for SIMD. */
const probabilities = (heads: number, keys: number): number => heads * Math.ceil(keys / 4) * 4;

function visionPart({ vision_config: tower }: FlamingoConfig, shape: FlamingoShape): Part {
  const { hidden_size: width, intermediate_size: inner, num_attention_heads: heads } = tower;
  const tokens = (tower.image_size / tower.patch_size) ** 2 + 1;
  const rows = shape.samples * shape.images * tokens;
  const kept = rows * (8 * width + 2 * inner + probabilities(heads, tokens) + 4);
  return {
    count: shape.visionTrained ? tower.num_hidden_layers : 0,
    kept,
    input: rows * width,
    flight: rows * (width + 2 * inner),
    weights: 4 * width * width + 2 * inner * width,
    before: shape.visionTrained ? rows * (3 * tower.patch_size ** 2 + 4 * width) : 0,
  };
}

function perceiverPart(config: FlamingoConfig, shape: FlamingoShape): Part {
  const { heads, head_dim, ff_mult, latents, depth } = config.perceiver;
  const { hidden_size: width, image_size, patch_size } = config.vision_config;
  const inner = heads * head_dim;
  const patches = (image_size / patch_size) ** 2;
  const images = shape.samples * shape.images;
  const rows = images * latents;
  const seen = images * (patches + latents);
  // Both norms' outputs lie side by side in a copy; features are there once for all layers.
  const attention = seen * (2 * width + 2 * inner) + rows * (2 * width + 2 * inner);
  const feedForward = rows * (2 * width + 2 * ff_mult * width);
  return {
    count: depth,
    kept: attention + feedForward + rows * probabilities(heads, patches + latents),
    input: rows * width,
    // Without a trained tower, no gradient goes into the features.
    flight: Math.max(seen * (2 * width + 2 * inner), rows * 2 * ff_mult * width),
    weights: width * (4 * inner + 2 * ff_mult * width),
    before: images * patches * width + 2 * rows * width,
  };
}

function gatePart(config: FlamingoConfig, shape: FlamingoShape): Part & { media: number } {
  const { heads, head_dim, ff_mult } = config.cross_attention;
  const { hidden_size: width } = config.text_config;
  const inner = heads * head_dim;
  const rows = shape.samples * shape.tokens;
  const latents = shape.images * config.perceiver.latents;
  const media = shape.samples * latents;
  const keysAndValues = media * 2 * inner;
  return {
    count: gatedLayers(config).length,
    kept:
      rows * (6 * width + 2 * ff_mult * width + 2 * inner + probabilities(heads, latents)) + keysAndValues,
    input: rows * width,
    flight: rows * (2 * width + 2 * ff_mult * width),
    weights: width * (2 * inner + 2 * ff_mult * width) + 2 * inner * config.vision_config.hidden_size,
    before: 0,
    media: media * config.vision_config.hidden_size,
  };
}

function decoderPart({ text_config: text }: FlamingoConfig, shape: FlamingoShape): Part {
  const { hidden_size: width, intermediate_size: inner, num_attention_heads: heads, head_dim } = text;
  const rows = shape.samples * shape.tokens;
  const queries = heads * head_dim;
  const projected = queries + 2 * text.num_key_value_heads * head_dim;
  return {
    count: text.num_hidden_layers,
    kept: rows * (4 * width + projected + queries + 3 * inner + probabilities(heads, shape.tokens) + 2),
    input: rows * width,
    flight: rows * (2 * width + 4 * inner),
    weights: width * (projected + queries + 3 * inner),
    before: rows,
  };
}
