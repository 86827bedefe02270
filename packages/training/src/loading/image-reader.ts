/** Images of a dataset as the patches that the vision tower takes. Decoded pictures are kept as far as memory allows. */
import { type Dataset, type ImageTransform, normalise, PixelCache } from '@triptych/datasets';
import { type ClipConfig, patchify } from '@triptych/models';

const MAX_CACHE_BYTES = 512 * 2 ** 20;

export class ImageReader {
  readonly #cache: PixelCache;
  readonly #transform: ImageTransform;
  readonly #patch: number;

  constructor(dataset: Dataset, options: { transform: ImageTransform; config: ClipConfig }) {
    const { transform, config } = options;
    this.#cache = new PixelCache({ dataset, transform, maxBytes: MAX_CACHE_BYTES });
    this.#transform = transform;
    this.#patch = config.vision_config.patch_size;
  }

  /** [n, N, 3pp]; a negative index gives an image of zeros. */
  async patches(indices: ArrayLike<number>): Promise<Float32Array> {
    const { size } = this.#transform;
    const floats = 3 * size * size;
    const pixels = new Float32Array(indices.length * floats);
    for (let i = 0; i < indices.length; i++)
      if (indices[i]! >= 0)
        normalise(await this.#cache.pixels(indices[i]!), this.#transform, pixels, i * floats);
    return patchify(pixels, { images: indices.length, size, patch: this.#patch });
  }
}
