/**
 * The Llama decoder (https://arxiv.org/abs/2302.13971), also the language model inside LLaVA and Flamingo. Forward only;
 * it owns no tensor. Token ids become embeddings in a step of their own, so that images can be put among them.
 */

import { kernels, linear, rmsNorm, tf } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import { type Projection, plainProjection } from '../transformer/projection.ts';
import type { Weights } from '../transformer/weights.ts';
import { type DecoderPass, decoderBlock } from './decoder-block.ts';
import { DecodingStep } from './decoding-step.ts';
import { embedTokens, type TokenTable, tokenLogits } from './token-table.ts';

export interface DecodeOptions extends DecoderPass {
  /**
   * Called before each block; what it returns is what the block gets. Flamingo attends to its images here. What it is
   * given is valid during the call, and not the caller's to dispose.
   */
  readonly beforeBlock?: (hidden: tf.Tensor3D, layer: number) => tf.Tensor3D;
}

export interface LlamaOptions {
  /** Of the parameter names, where the decoder is a part of a larger model. */
  readonly prefix?: string;
  /** What a block keeps for the backward pass: see `decoderBlock`. */
  readonly memory?: ActivationMemory;
  /** How the matrices of the blocks are applied in passes that say nothing else: as they are. */
  readonly projection?: Projection;
  /** The key of a tensor with further rows of the token table: see `TokenTable`. */
  readonly newTokenRows?: string;
}

export class Llama {
  readonly config: LlamaConfig;
  readonly #weights: Weights;
  readonly #prefix: string;
  readonly #memory: ActivationMemory;
  readonly #projection: Projection;
  readonly #newTokenRows: string | undefined;

  /** `weights` finds `llamaParameters(config, prefix)`, among others perhaps; they stay their owner's. */
  constructor(config: LlamaConfig, weights: Weights, options: LlamaOptions = {}) {
    this.config = config;
    this.#weights = weights;
    this.#prefix = options.prefix ?? '';
    this.#memory = options.memory ?? 'keep';
    this.#projection = options.projection ?? plainProjection;
    this.#newTokenRows = options.newTokenRows;
  }

  /** Token ids [batch, T], row by row, to embeddings [batch, T, D]. Differentiable; the caller disposes the result. */
  embed(ids: Int32Array, batch: number): tf.Tensor3D {
    const shape: [number, number] = [batch, ids.length / batch];
    return tf.tidy(() => embedTokens(tf.tensor2d(ids, shape, 'int32'), this.#tokenTable()) as tf.Tensor3D);
  }

  /**
   * Embeddings [B, T, D] to the last hidden states [B, T, D], after the final norm. `selfAttention` gives the options
   * of an ordinary pass. Differentiable; the caller disposes the result.
   */
  decode(embeddings: tf.Tensor3D, options: DecodeOptions): tf.Tensor3D {
    const { beforeBlock = (hidden) => hidden, ...pass } = options;
    const own = { weights: this.#weights, config: this.config, prefix: this.#prefix, memory: this.#memory };
    const block = { projection: this.#projection, ...pass, ...own };
    return tf.tidy(() => {
      let hidden = embeddings;
      for (let layer = 0; layer < this.config.num_hidden_layers; layer++) {
        const input = hidden;
        hidden = tf.tidy(() => decoderBlock(beforeBlock(input, layer), layer, block));
        // What a backward pass needs, the tape has kept; without one, a block's tensors end with it.
        if (input !== embeddings) input.dispose();
      }
      const weight = this.#weights<tf.Rank.R1>(`${this.#prefix}model.norm.weight`);
      return rmsNorm(hidden, weight, this.config.rms_norm_eps) as tf.Tensor3D;
    });
  }

  /** Last hidden states [..., D] to logits [..., V]. Differentiable; the caller disposes the result. */
  logits(hidden: tf.Tensor): tf.Tensor {
    if (!this.config.tie_word_embeddings)
      return linear(hidden, this.#weights(`${this.#prefix}lm_head.weight`));
    return tf.tidy(() => tokenLogits(hidden, this.#tokenTable()));
  }

  /** Further positions of `batch` sequences without tensors; undefined where the backend or adapters need these. */
  decodingStep(batch: number): DecodingStep | undefined {
    const { step } = kernels();
    if (step === undefined || this.#projection !== plainProjection) return undefined;
    const own = { config: this.config, weights: this.#weights, prefix: this.#prefix };
    return new DecodingStep({ ...own, table: this.#tokenTable(), kernels: step, batch });
  }

  #tokenTable(): TokenTable {
    const rows = this.#weights<tf.Rank.R2>(`${this.#prefix}model.embed_tokens.weight`);
    const newRows = this.#newTokenRows;
    return newRows === undefined ? { rows } : { rows, newRows: this.#weights<tf.Rank.R2>(newRows) };
  }
}
