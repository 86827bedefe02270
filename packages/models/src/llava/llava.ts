/**
 * LLaVA (https://arxiv.org/abs/2310.03744) as Hugging Face computes it: hidden states of a CLIP vision tower, projected, take
 * the place of the image tokens among the embeddings of a Llama decoder. Forward only; it owns no tensor.
 */
import { replaceRows, tf, unrecorded } from '@triptych/nn';
import type { ActivationMemory } from '@triptych/protocol';
import { Llama, type LlamaOptions } from '../llama/llama.ts';
import { type Sequences, selfAttention } from '../llama/sequences.ts';
import { prefixed, type Weights } from '../transformer/weights.ts';
import { visionStates } from '../vit/vision-tower.ts';
import { featureDepths, featureWidth, type LlavaConfig } from './config.ts';
import { imagePositions, type TextsWithImages } from './image-positions.ts';
import { DECODER_PREFIX, VISION_PREFIX } from './parameters.ts';
import { project } from './projector.ts';

/** Texts with the image token repeated for every row of an image. */
export interface LlavaTexts extends Sequences, TextsWithImages {}

export interface LlavaOptions extends Pick<LlamaOptions, 'projection'> {
  readonly memory?: ActivationMemory;
  /** True: the vision tower is not trained, and a recording keeps nothing of it. */
  readonly frozenVision?: boolean;
}

export class Llava {
  readonly config: LlavaConfig;
  readonly llama: Llama;
  readonly #weights: Weights;
  readonly #memory: ActivationMemory;
  readonly #frozenVision: boolean;

  /** `weights` finds `llavaParameters(config)`, those of the blocks that are not run excepted; they stay their owner's. */
  constructor(config: LlavaConfig, weights: Weights, options: LlavaOptions = {}) {
    const { memory = 'keep', frozenVision = false, projection } = options;
    this.config = config;
    this.#weights = weights;
    this.#memory = memory;
    this.#frozenVision = frozenVision;
    this.llama = new Llama(config.text_config, weights, {
      prefix: DECODER_PREFIX,
      memory,
      ...(projection && { projection }),
    });
  }

  /**
   * Patches [N, P, 3pp] to what the projector reads, [N, image_seq_length, Dv]: the chosen hidden states side by side, with
   * or without their class token. Blocks after the last chosen one are not run. Differentiable; the caller disposes it.
   */
  imageFeatures(patches: tf.Tensor3D): tf.Tensor3D {
    return this.#frozenVision ? unrecorded(() => this.#features(patches)) : this.#features(patches);
  }

  /** Of what one picture becomes. */
  get featureShape(): readonly [rows: number, width: number] {
    return [this.config.image_seq_length, featureWidth(this.config)];
  }

  /** Features [N, image_seq_length, Dv] to rows of the decoder's width, [N, image_seq_length, D]. Differentiable. */
  project(features: tf.Tensor3D): tf.Tensor3D {
    return tf.tidy(() => project(features, { config: this.config, weights: this.#weights }));
  }

  /**
   * Embeddings [B, T, D] of the texts, with the rows of `images` [N, image_seq_length, D] in place of the image tokens; null
   * where no text has any. Differentiable with respect to both; the caller disposes the result.
   * @throws TriptychError INVALID_INPUT where a text has not as many image tokens as its images take.
   */
  embed(texts: LlavaTexts, images: tf.Tensor3D | null): tf.Tensor3D {
    const { ids, batch } = texts;
    const { image_token_index } = this.config;
    const positions = imagePositions(texts, this.config);
    // The image token need not be in the table; what stands in its place is replaced.
    const known = ids.map((id) => (id === image_token_index ? 0 : id));
    return tf.tidy(() => {
      const embeddings = this.llama.embed(known, batch);
      return images === null ? embeddings : replaceRows(embeddings, images, positions);
    });
  }

  /** The last hidden states [B, T, D] of texts and their projected images. Differentiable; the caller disposes the result. */
  decode(
    texts: LlavaTexts,
    images: tf.Tensor3D | null,
    { projection }: Pick<LlamaOptions, 'projection'> = {},
  ): tf.Tensor3D {
    const pass = selfAttention(this.config.text_config, texts);
    return tf.tidy(() =>
      this.llama.decode(this.embed(texts, images), { ...pass, ...(projection && { projection }) }),
    );
  }

  /** Hidden states [..., D] to logits [..., V]. Differentiable; the caller disposes the result. */
  logits(hidden: tf.Tensor): tf.Tensor {
    return this.llama.logits(hidden);
  }

  #features(patches: tf.Tensor3D): tf.Tensor3D {
    const { vision_config: tower, vision_feature_select_strategy: strategy } = this.config;
    const weights = prefixed(this.#weights, VISION_PREFIX);
    return tf.tidy(() => {
      const states = visionStates(
        patches,
        { weights, tower, memory: this.#memory },
        featureDepths(this.config),
      );
      const chosen = strategy === 'full' ? states : states.map((state) => withoutClassToken(state));
      return chosen.length === 1 ? chosen[0]! : tf.concat(chosen, 2);
    });
  }
}

/** [N, P + 1, D] to [N, P, D]. */
const withoutClassToken = (state: tf.Tensor3D): tf.Tensor3D => tf.slice(state, [0, 1, 0], [-1, -1, -1]);
