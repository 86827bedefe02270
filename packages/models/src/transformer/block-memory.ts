/**
 * What a stack of blocks takes on the backend, counted in floats, operation by operation. Tensor-free; which stacks a model
 * has, and what lies between them, the architectures say, and tests compare it with what the engine holds.
 */
import type { ActivationMemory } from '@triptych/protocol';
import type { TowerConfig } from '../catalog/clip-config.ts';
import type { LlamaConfig } from '../catalog/llama-config.ts';

/** Floats of one block of a stack of `count` equal ones. */
export interface BlockStack {
  readonly count: number;
  /** Kept for the backward pass, its input included. */
  readonly kept: number;
  readonly input: number;
  /** Beyond what is kept, there until the forward pass of the block ends. */
  readonly passing: number;
  /** Gradients around its widest layer, or in its attention. */
  readonly flight: number;
  readonly weights: number;
}

/** Kept by all blocks of a recorded pass. */
export const keptByBlocks = ({ count, kept, input }: BlockStack, memory: ActivationMemory): number =>
  count * (memory === 'keep' ? kept : input);

/** The most that the backward pass of one block needs; a checkpointed one is there a second time. */
export const flightOfBlock = (
  { count, kept, flight, weights }: BlockStack,
  memory: ActivationMemory,
): number => (count === 0 ? 0 : flight + (memory === 'keep' ? 0 : kept + weights));

/** A row of attention probabilities for each head, padded for SIMD. */
const probabilities = (heads: number, keys: number): number => heads * Math.ceil(keys / 4) * 4;

/** The backward pass of attention takes its scores in parts of at most 4 MiB. */
const SCORES = 2 ** 20;

/** `count` blocks of a CLIP tower over `rows` rows, of which `length` see one another. */
export function towerBlocks(
  { hidden_size: width, intermediate_size: inner, num_attention_heads: heads }: TowerConfig,
  { count, rows, length }: { readonly count: number; readonly rows: number; readonly length: number },
): BlockStack {
  return {
    count,
    // Input, both normed ones, packed q k v, attended values, the first sum; the wide layer before and after its activation;
    // mean and deviation of two norms.
    kept: rows * (8 * width + 2 * inner + probabilities(heads, length) + 4),
    input: rows * width,
    passing: rows * 3 * width,
    flight: rows * (width + 2 * inner),
    weights: 4 * width * width + 2 * inner * width,
  };
}

export interface DecoderRows {
  readonly rows: number;
  /** Of each text, padding included. */
  readonly length: number;
  /** Of low-rank adapters beside every matrix, and whether their input is dropped; absent: none. */
  readonly adapters?: { readonly rank: number; readonly dropout: boolean };
}

/** The blocks of a Llama decoder. */
export function decoderBlocks(config: LlamaConfig, { rows, length, adapters }: DecoderRows): BlockStack {
  const { hidden_size: width, intermediate_size: inner, num_attention_heads: heads, head_dim } = config;
  const queries = heads * head_dim;
  const projected = queries + 2 * config.num_key_value_heads * head_dim;
  // Input, both normed ones, the first sum; rotated q k v, attended values; gate and up, and their product; two deviations.
  const scores = probabilities(heads, length);
  const plain = 4 * width + projected + queries + 3 * inner + scores + 2;
  // Seven adapters: the narrow rows before and after their scale; with dropout their input and what of it was kept.
  const narrow = adapters ? 7 * 2 * adapters.rank : 0;
  const dropped = adapters?.dropout ? 2 * (5 * width + queries + inner) : 0;
  return {
    count: config.num_hidden_layers,
    kept: rows * (plain + narrow + dropped),
    input: rows * width,
    // q k v before their rotation, outputs of two layers.
    passing: rows * (projected + 2 * width),
    // When attention is reached, what the wide layers kept has gone.
    flight: Math.max(
      rows * (2 * width + 3 * inner),
      Math.min(SCORES, rows * scores) + rows * (projected + 2 * width - 3 * inner),
    ),
    weights: width * (projected + queries + 3 * inner),
  };
}
