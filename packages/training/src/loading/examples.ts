/** The samples of a dataset as models take them. Decoded pictures are kept as far as memory allows. */
import { type Dataset, type ImageTransform, PixelCache } from '@triptych/datasets';
import type { Example } from '@triptych/models';
import { PIXEL_CACHE_BYTES } from '../catalog/estimate-memory.ts';

export class Examples {
  readonly dataset: Dataset;
  readonly #cache: PixelCache;
  readonly #position: number;

  constructor(dataset: Dataset, at: { readonly transform: ImageTransform; readonly position: number }) {
    this.dataset = dataset;
    this.#position = at.position;
    this.#cache = new PixelCache({ dataset, transform: at.transform, maxBytes: PIXEL_CACHE_BYTES });
  }

  /** Sample number `index` of the manifest. */
  at(index: number, choose: Example['choose']): Example {
    const { id, captions, classIndex } = this.dataset.manifest.samples[index]!;
    return {
      id,
      content: { kind: 'captions', texts: captions },
      images: 1,
      ...(classIndex === undefined ? {} : { classIndex }),
      pixels: () => this.#cache.pixels(index),
      pictureKey: () => `${this.#position}/${index}`,
      choose,
      dataset: this.#position,
    };
  }

  /** Transformed picture `i` of a sample. */
  async pixels(index: number, _i: number): Promise<Uint8Array> {
    return await this.#cache.pixels(index);
  }
}
