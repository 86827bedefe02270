/** A golden case of LLaVA: its weights under canonical names, and its batch. */

import { type LlavaConfig, parseLlavaConfig } from '../llava/config.ts';
import { llavaLayout } from '../llava/layout.ts';
import { patchify } from '../vit/patchify.ts';
import { anyNames } from '../weights/dialect.ts';
import { flattenWeights, weightsInMemory } from '../weights/weight-file.ts';
import { DecoderBatch } from './decoder-batch.ts';
import { type GoldenCase, openCase } from './golden.ts';

export class LlavaGolden {
  readonly config: LlavaConfig;
  readonly sample: DecoderBatch;
  readonly imageCounts: readonly number[];
  readonly #case: GoldenCase;

  constructor(name: string) {
    this.#case = openCase(name);
    this.config = parseLlavaConfig(this.#case.config);
    this.sample = new DecoderBatch(this.#case);
    this.imageCounts = this.countsOf(this.sample.ids, this.sample.batch);
  }

  /** As the layout has them. */
  flat(): Float32Array {
    const named = weightsInMemory(this.#case.weights, anyNames);
    return flattenWeights(
      new Map([...named].map(([name, weight]) => [canonical(name), weight])),
      llavaLayout(this.config),
    );
  }

  input(name: string) {
    return this.#case.input(name);
  }

  /** Of `pixel_values` or another input: [N, P, 3pp]. */
  patches(name: string): { readonly values: Float32Array; readonly shape: [number, number, number] } {
    const { image_size: size, patch_size: patch } = this.config.vision_config;
    const input = this.#case.input(name);
    const images = input.shape[0]!;
    const values = patchify(input.float32(), { images, size, patch });
    return { values, shape: [images, (size / patch) ** 2, 3 * patch ** 2] };
  }

  /** Images of each text, by its image tokens. */
  countsOf(ids: Int32Array, batch: number): number[] {
    const { image_token_index: token, image_seq_length: tokens } = this.config;
    const length = ids.length / batch;
    return Array.from(
      { length: batch },
      (_, b) => ids.subarray(b * length, (b + 1) * length).filter((id) => id === token).length / tokens,
    );
  }

  expected(name: string): Float32Array {
    return this.#case.expected(name);
  }

  /** Of a parameter by its canonical name; undefined where the reference computes none. */
  expectedGradient(name: string): Float32Array | undefined {
    for (const prefix of ['grad.', 'visiongrad.'])
      for (const spelling of [name, name.replace('vision_tower.vision_model.', 'vision_tower.')])
        if (this.#case.has(`${prefix}${spelling}`)) return this.#case.expected(`${prefix}${spelling}`);
    return undefined;
  }
}

/** transformers 5 leaves `vision_model` out. */
const canonical = (name: string) =>
  name.replace(/^vision_tower\.(?!vision_model\.)/, 'vision_tower.vision_model.');
