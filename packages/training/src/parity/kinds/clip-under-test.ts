/** A CLIP of a golden case: what it computes of a batch, and optimizer steps on given batches. */
import {
  Clip,
  type ClipConfig,
  clipLayout,
  encode,
  loadClipWeights,
  patchify,
  visionHidden,
  weightsOf,
} from '@triptych/models';
import {
  AdamW,
  clipByGlobalNorm,
  embed,
  linear,
  Parameters,
  record,
  type SafetensorsFile,
  tf,
} from '@triptych/nn';
import { Contrast } from '../../objectives/contrast.ts';
import { infoNce } from '../../objectives/infonce/pair-loss.ts';
import { LOGIT_SCALE_RANGE } from '../../objectives/scalars.ts';
import { recordOf } from '../case-tolerance.ts';
import { numbersOf, valuesOf } from '../check.ts';
import { namedGradients } from '../gradients.ts';

export interface ClipBatch {
  /** [B, 3, size, size] */
  readonly pixels: Float32Array;
  /** [B, context] */
  readonly ids: Int32Array;
}

export interface ClipOptimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
}

/** As `config` of a case.json states it. */
export function optimizerOf(about: Readonly<Record<string, unknown>>): ClipOptimizer {
  const { betas, eps, weightDecay, clip } = recordOf(about['config']);
  const [beta1 = 0.9, beta2 = 0.98] = Array.isArray(betas) ? (betas as number[]) : [];
  const clipNorm = Number(/global norm ([\d.e-]+)/.exec(String(clip))?.[1] ?? 0);
  return { beta1, beta2, epsilon: Number(eps), weightDecay: Number(weightDecay), clipNorm };
}

export class ClipUnderTest implements Disposable {
  readonly #config: ClipConfig;
  readonly #parameters: Parameters;
  readonly #clip: Clip;
  #optimizer: AdamW | undefined;

  constructor(config: ClipConfig, weights: SafetensorsFile) {
    this.#config = config;
    this.#parameters = new Parameters(clipLayout(config), loadClipWeights(weights, config));
    this.#clip = new Clip(config, weightsOf(this.#parameters));
  }

  /** By name: `vision_hidden.k` and `text_hidden.k`, after k blocks, of all positions. */
  async hiddenStates({ pixels, ids }: ClipBatch): Promise<Map<string, Float32Array>> {
    const { vision_config: vision, text_config: text } = this.#config;
    const weights = weightsOf(this.#parameters);
    const context = text.max_position_embeddings;
    const length = Math.min(context, ids.length / this.#batchOf(pixels));
    const states = new Map<string, Float32Array>();
    for (let blocks = 0; blocks <= vision.num_hidden_layers; blocks++) {
      const tower = { ...vision, num_hidden_layers: blocks };
      const state = tf.tidy(() => visionHidden(this.#patches(pixels), { weights, tower, memory: 'keep' }));
      states.set(`vision_hidden.${blocks}`, await numbersOf(state));
    }
    for (let blocks = 0; blocks <= text.num_hidden_layers; blocks++) {
      const options = {
        weights,
        prefix: 'text_model.encoder',
        tower: text,
        causal: true,
        memory: 'keep',
      } as const;
      const state = tf.tidy(() => {
        const tokens = tf.tensor2d(ids, [ids.length / length, length], 'int32');
        const embedded = embed(weights('text_model.embeddings.token_embedding.weight'), tokens);
        const table = weights<tf.Rank.R2>('text_model.embeddings.position_embedding.weight');
        return encode(tf.add<tf.Tensor3D>(embedded, tf.slice(table, [0, 0], [length, -1])), options, blocks);
      });
      states.set(`text_hidden.${blocks}`, await numbersOf(state));
    }
    return states;
  }

  /** Embeddings, logits, loss, and its gradient of every parameter. */
  async gradients({ pixels, ids }: ClipBatch) {
    const batch = this.#batchOf(pixels);
    using recording = record(this.#parameters.tensors(), () => [
      tf.tidy(() => this.#clip.encodeImages(this.#patches(pixels))),
      this.#clip.encodeText(ids, batch),
    ]);
    const [images, texts] = recording.outputs as [tf.Tensor2D, tf.Tensor2D];
    const [image_embeds, text_embeds] = [await valuesOf(images), await valuesOf(texts)];
    const at = this.#parameters.layout.spec('logit_scale').offset;
    const logitScale = this.#parameters.flat[at]!;
    const cosines = await numbersOf(tf.tidy(() => linear(images, texts)));
    const features = { images: image_embeds, texts: text_embeds, width: this.#config.projection_dim };
    using contrast = await Contrast.of({ ...features, logitScale, logitBias: 0 }, infoNce);
    const whole = contrast.shard(0, batch);
    const found = await namedGradients(recording, {
      outputGradients: [whole.images, whole.texts],
      parameters: this.#parameters,
    });
    found.flat[at] = whole.logitScale;
    const logits_per_image = cosines.map((cosine) => cosine * Math.exp(logitScale));
    return { ...found, image_embeds, text_embeds, logits_per_image, loss: whole.loss };
  }

  /** One update; the moments stay from step to step. */
  async step(
    batch: ClipBatch,
    {
      learningRate,
      optimizer: options,
    }: { readonly learningRate: number; readonly optimizer: ClipOptimizer },
  ): Promise<{ readonly loss: number; readonly gradientNorm: number }> {
    const { layout, flat } = this.#parameters;
    this.#optimizer ??= new AdamW(layout, options);
    const { loss, flat: gradient } = await this.gradients(batch);
    const gradientNorm = clipByGlobalNorm(gradient, options.clipNorm);
    this.#optimizer.step(flat, gradient, learningRate);
    const at = layout.spec('logit_scale').offset;
    flat[at] = Math.min(LOGIT_SCALE_RANGE.max, Math.max(LOGIT_SCALE_RANGE.min, flat[at]!));
    this.#parameters.upload();
    return { loss, gradientNorm };
  }

  get logitScale(): number {
    return this.#parameters.flat[this.#parameters.layout.spec('logit_scale').offset]!;
  }

  /** Windows on the numbers as they are now. */
  *parameters(): Iterable<readonly [name: string, values: Float32Array]> {
    for (const { name, offset, length } of this.#parameters.layout.named())
      yield [name, this.#parameters.flat.subarray(offset, offset + length)];
  }

  [Symbol.dispose](): void {
    this.#parameters.dispose();
  }

  #batchOf(pixels: Float32Array): number {
    return pixels.length / (3 * this.#config.vision_config.image_size ** 2);
  }

  #patches(pixels: Float32Array): tf.Tensor3D {
    const { image_size: size, patch_size: patch } = this.#config.vision_config;
    const images = this.#batchOf(pixels);
    const shape: [number, number, number] = [images, (size / patch) ** 2, 3 * patch ** 2];
    return tf.tensor3d(patchify(pixels, { images, size, patch }), shape);
  }
}
