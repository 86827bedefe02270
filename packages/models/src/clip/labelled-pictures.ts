/** Pictures with their classes, as a head is trained on them: patches, or what a frozen tower made of them. */
import { TriptychError } from '@triptych/protocol';
import type { Batch, Example, Preview, Processor } from '../model.ts';
import { type FeatureCache, pictureOf } from '../vit/feature-cache.ts';
import type { ClipProcessor } from './processor.ts';

export interface LabelledBatch extends Batch {
  readonly targets: NonNullable<Batch['targets']>;
  /** [samples, N, 3pp] */
  readonly patches?: Float32Array;
  /** [samples, P], unit rows */
  readonly features?: Float32Array;
}

export interface LabelledPicturesOptions {
  readonly processor: ClipProcessor;
  readonly classNames: readonly string[];
  /** Where the image tower is not trained. */
  readonly frozen?: FeatureCache | undefined;
}

export class LabelledPictures implements Processor {
  readonly #options: LabelledPicturesOptions;

  constructor(options: LabelledPicturesOptions) {
    this.#options = options;
  }

  get transform() {
    return this.#options.processor.transform;
  }

  async batch(examples: readonly Example[]): Promise<LabelledBatch> {
    const { frozen, processor } = this.#options;
    const labels = Int32Array.from(examples, (example) => this.#labelOf(example));
    const targets = { labels, datasets: Int32Array.from(examples, ({ dataset }) => dataset) };
    const samples = examples.length;
    if (frozen)
      return { samples, targets, features: await frozen.features(examples.map((one) => pictureOf(one, 0))) };
    const pixels: Uint8Array[] = [];
    for (const example of examples) pixels.push(await example.pixels(0));
    return { samples, targets, patches: processor.patches(pixels) };
  }

  lengthOf(): number {
    return 1;
  }

  preview(example: Parameters<Processor['preview']>[0]): Preview {
    return this.#options.processor.preview(example);
  }

  #labelOf({ id, classIndex, images }: Example): number {
    const { length } = this.#options.classNames;
    if (classIndex !== undefined && classIndex < length && images > 0) return classIndex;
    throw new TriptychError(
      'DATASET_INVALID',
      `Sample ${id}: expected a picture with one of ${length} classes, got ${images === 0 ? 'no picture' : `class ${classIndex ?? 'none'}`}; label it, or leave it out of the train split`,
    );
  }
}
