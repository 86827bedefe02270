/**
 * Flamingo as generation drives it: prompts read once, then one position a step. The keys and values that a gated block makes
 * of the media are computed once; after the prompt, tokens see what all images of their prompt let them see.
 */
import type { Decoder, Rows, tf } from '@triptych/nn';
import { LlamaDecoder } from '../llama/llama-decoder.ts';
import type { Flamingo } from './flamingo.ts';
import { type GatedBlockOptions, gatedBlockOver, mediaKeysAndValues } from './gated-block.ts';
import type { GatedStep } from './gated-step.ts';
import { assertImagesSuffice, imagesShown } from './images-shown.ts';
import { MediaCache } from './media-cache.ts';
import { gatedBlockName } from './parameters.ts';

export interface FlamingoPrompts {
  /** Token ids [batch, T], row by row. */
  readonly ids: Int32Array;
  readonly batch: number;
  /** Left padding: the first real position of each prompt. Absent: none. */
  readonly starts?: Int32Array;
  /** Media [B, images * latents, Dv] of the prompts. They stay the caller's, and are read by `prefill`. */
  readonly media: tf.Tensor3D;
  /** The most tokens that will be generated. */
  readonly maxNewTokens: number;
}

export class FlamingoDecoder implements Decoder {
  readonly #flamingo: Flamingo;
  readonly #prompts: FlamingoPrompts;
  readonly #embeddings: tf.Tensor3D;
  readonly #decoder: LlamaDecoder;
  readonly #cache = new MediaCache();
  /** Of the pass that is under way. */
  #attention: GatedBlockOptions['attention'];
  /** Images that each sequence has shown. */
  #shown: Int32Array;
  #step: GatedStep | undefined;

  /**
   * @throws TriptychError INVALID_INPUT where prompts and new tokens are longer than the context, or a prompt shows more
   * images than it has.
   */
  constructor(flamingo: Flamingo, prompts: FlamingoPrompts) {
    const { ids, batch, media, maxNewTokens, starts } = prompts;
    const length = ids.length / batch;
    const imageCounts = imagesShown(ids, batch, flamingo.config.image_token_id);
    const images = media.shape[1] / flamingo.config.perceiver.latents;
    assertImagesSuffice(imageCounts, batch, images);
    this.#flamingo = flamingo;
    this.#prompts = prompts;
    this.#shown = Int32Array.from({ length: batch }, (_, b) => imageCounts[(b + 1) * length - 1]!);
    this.#attention = flamingo.attentionTo({ batch, imageCounts, images });
    this.#embeddings = flamingo.llama.embed(ids, batch);
    try {
      this.#decoder = new LlamaDecoder(flamingo.llama, {
        embeddings: this.#embeddings,
        maxNewTokens,
        ...(starts && { starts }),
        beforeBlock: (hidden, layer) => this.#attend(hidden, layer),
        beforeStepBlock: (hidden, layer) => this.#attendStep(hidden, layer),
      });
    } catch (error) {
      this.#embeddings.dispose();
      throw error;
    }
  }

  get batch(): number {
    return this.#decoder.batch;
  }

  prefill(): tf.Tensor2D {
    return this.#decoder.prefill();
  }

  step(tokens: Int32Array): tf.Tensor2D {
    const { media } = this.#prompts;
    const images = media.shape[1] / this.#flamingo.config.perceiver.latents;
    this.#attention = this.#flamingo.attentionTo({ batch: this.batch, imageCounts: this.#shown, images });
    return this.#decoder.step(tokens);
  }

  select(sequences: Int32Array): void {
    this.#decoder.select(sequences);
    this.#cache.select(sequences);
    this.#shown = sequences.map((sequence) => this.#shown[sequence]!);
  }

  dispose(): void {
    this.#step?.[Symbol.dispose]();
    this.#step = undefined;
    this.#decoder.dispose();
    this.#cache.dispose();
    this.#embeddings.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #attend(hidden: tf.Tensor3D, layer: number): tf.Tensor3D {
    const { gatedLayers, weights } = this.#flamingo;
    if (!gatedLayers.has(layer)) return hidden;
    const options = { weights, name: gatedBlockName(layer), attention: this.#attention };
    return gatedBlockOver(hidden, this.#keysAndValues(layer), options);
  }

  #attendStep(hidden: Rows, layer: number): void {
    const { batch } = this;
    if (!this.#flamingo.gatedLayers.has(layer)) return;
    if (this.#step?.batch !== batch) {
      this.#step?.[Symbol.dispose]();
      this.#step = this.#flamingo.gatedStep(batch);
    }
    this.#step.add(hidden, this.#keysAndValues(layer), {
      name: gatedBlockName(layer),
      attention: this.#attention,
    });
  }

  #keysAndValues(layer: number): tf.Tensor3D {
    const { media } = this.#prompts;
    return this.#cache.get(layer, () =>
      mediaKeysAndValues(media, gatedBlockName(layer), this.#flamingo.weights),
    );
  }
}
