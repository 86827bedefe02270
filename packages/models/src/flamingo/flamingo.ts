/**
 * Flamingo (https://arxiv.org/abs/2204.14198) as open_flamingo computes it: a CLIP vision tower, a Perceiver resampler, and
 * a Llama decoder that attends to its images before some of its layers. Forward only; it owns no tensor.
 */
import { kernels, mediaMask, tf, unrecorded } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import { type DecodeOptions, Llama } from '../llama/llama.ts';
import { type Sequences, selfAttention } from '../llama/sequences.ts';
import { resample } from '../perceiver/resampler.ts';
import { normalise } from '../transformer/encoder.ts';
import { prefixed, type Weights } from '../transformer/weights.ts';
import { visionHidden } from '../vit/vision-tower.ts';
import { type FlamingoConfig, gatedLayers } from './config.ts';
import { type GatedBlockOptions, gatedBlock } from './gated-block.ts';
import { GatedStep } from './gated-step.ts';
import { assertImagesSuffice, imagesShown } from './images-shown.ts';
import { DECODER_PREFIX, gatedBlockName, NEW_TOKEN_ROWS, VISION_PREFIX } from './parameters.ts';

export interface FlamingoTexts extends Sequences {
  /** Token ids [batch, length], row by row. */
  readonly ids: Int32Array;
}

/** Which latents the tokens of one pass see. */
export interface MediaView {
  readonly batch: number;
  /** [batch, queries]: images shown up to and with each token of the pass. */
  readonly imageCounts: Int32Array;
  /** Image slots of each text. */
  readonly images: number;
}

export interface FlamingoOptions {
  /** What blocks keep for the backward pass: see `decoderBlock`. */
  readonly memory?: ActivationMemory;
  /** True: the vision tower is not trained, and a recording keeps nothing of it. */
  readonly frozenVision?: boolean;
}

export class Flamingo {
  readonly config: FlamingoConfig;
  readonly llama: Llama;
  /** Decoder layers with a gated block before them. */
  readonly gatedLayers: ReadonlySet<number>;
  readonly weights: Weights;
  readonly #memory: ActivationMemory;
  readonly #frozenVision: boolean;

  /** `weights` finds `flamingoParameters(config)`; they stay their owner's. */
  constructor(config: FlamingoConfig, weights: Weights, options: FlamingoOptions = {}) {
    const { memory = 'keep', frozenVision = false } = options;
    this.config = config;
    this.weights = weights;
    this.#memory = memory;
    this.#frozenVision = frozenVision;
    this.gatedLayers = new Set(gatedLayers(config));
    this.llama = new Llama(config.text_config, weights, {
      prefix: DECODER_PREFIX,
      memory,
      newTokenRows: NEW_TOKEN_ROWS,
    });
  }

  /** Patches [N, P, 3pp] to the features [N, P, Dv] that the resampler reads: every token of the tower but the class token. */
  imageFeatures(patches: tf.Tensor3D): tf.Tensor3D {
    return this.#frozenVision ? unrecorded(() => this.#features(patches)) : this.#features(patches);
  }

  /** Of what one picture becomes. */
  get featureShape(): readonly [rows: number, width: number] {
    const { image_size, patch_size, hidden_size } = this.config.vision_config;
    return [(image_size / patch_size) ** 2, hidden_size];
  }

  /**
   * Features [B * images, frames * P, Dv] to media [B, images * latents, Dv]; the images of a text follow one another.
   * Differentiable; the caller disposes the result.
   */
  media(features: tf.Tensor3D, { images, frames = 1 }: { images: number; frames?: number }): tf.Tensor3D {
    const { perceiver: config, vision_config } = this.config;
    const batch = features.shape[0] / images;
    return tf.tidy(() => {
      const latents = resample(features, {
        weights: this.weights,
        config,
        memory: this.#memory,
        images,
        frames,
      });
      return tf.reshape(latents, [batch, images * config.latents, vision_config.hidden_size]);
    });
  }

  /**
   * The last hidden states [B, T, D] of texts that see their media [B, images * latents, Dv]. Differentiable; the caller
   * disposes the result.
   * @throws TriptychError INVALID_INPUT where a text shows more images than `media` has.
   */
  decode(texts: FlamingoTexts, media: tf.Tensor3D): tf.Tensor3D {
    const { ids, batch } = texts;
    const view = {
      batch,
      imageCounts: imagesShown(ids, batch, this.config.image_token_id),
      images: media.shape[1] / this.config.perceiver.latents,
    };
    assertImagesSuffice(view.imageCounts, batch, view.images);
    const attention = this.attentionTo(view);
    return tf.tidy(() =>
      this.llama.decode(this.llama.embed(ids, batch), {
        ...selfAttention(this.config.text_config, texts),
        beforeBlock: this.#beforeBlock(media, attention),
      }),
    );
  }

  /** Hidden states [..., D] to logits [..., V]. Differentiable; the caller disposes the result. */
  logits(hidden: tf.Tensor): tf.Tensor {
    return this.llama.logits(hidden);
  }

  /** How the tokens of a pass attend to their media. Text before the first image sees nothing, or the mean of all images. */
  attentionTo({ batch, imageCounts, images }: MediaView): GatedBlockOptions['attention'] {
    const { media, cross_attention, perceiver } = this.config;
    const immediate = media === 'immediate';
    const attend = immediate ? 'latest' : 'all-previous';
    return {
      heads: cross_attention.heads,
      mask: mediaMask({ batch, imageCounts, images, latents: perceiver.latents, attend }),
      blind: immediate ? 'zero' : 'mean',
    };
  }

  /** For a backend whose decoding steps need no tensors. */
  gatedStep(batch: number): GatedStep {
    const { cross_attention, text_config } = this.config;
    const widths = {
      hidden: text_config.hidden_size,
      queries: cross_attention.heads * cross_attention.head_dim,
      inner: cross_attention.ff_mult * text_config.hidden_size,
    };
    return new GatedStep({ weights: this.weights, kernels: kernels().step!, batch, widths });
  }

  #features(patches: tf.Tensor3D): tf.Tensor3D {
    const { vision_config: tower, vision_tokens_post_norm } = this.config;
    const options = { weights: prefixed(this.weights, VISION_PREFIX), tower, memory: this.#memory };
    return tf.tidy(() => {
      const tokens = tf.slice(visionHidden(patches, options), [0, 1, 0], [-1, -1, -1]);
      return vision_tokens_post_norm ? normalise(tokens, 'vision_model.post_layernorm', options) : tokens;
    });
  }

  #beforeBlock(
    media: tf.Tensor3D,
    attention: GatedBlockOptions['attention'],
  ): NonNullable<DecodeOptions['beforeBlock']> {
    return (hidden, layer) => {
      if (!this.gatedLayers.has(layer)) return hidden;
      const options = { weights: this.weights, attention, memory: this.#memory };
      return gatedBlock(hidden, media, { ...options, name: gatedBlockName(layer) });
    };
  }
}
