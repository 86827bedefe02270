/** Images of a dataset as the patches that the vision tower takes. Decoded pictures are kept as far as memory allows. */
import { type Dataset, type ImageTransform, normalise, PixelCache } from '@triptych/datasets';
import { type ClipConfig, patchify } from '@triptych/models';
import { PIXEL_CACHE_BYTES } from '../catalog/estimate-memory.ts';

export class ImageReader {
  readonly #dataset: Dataset;
  readonly #cache: PixelCache;
  readonly #transform: ImageTransform;
  readonly #patch: number;
  /** One image between its two forms: reused, since megabytes of garbage a step keep the collector's threads on the cores. */
  readonly #planes: Float32Array;

  constructor(dataset: Dataset, options: { transform: ImageTransform; config: ClipConfig }) {
    const { transform, config } = options;
    this.#dataset = dataset;
    this.#cache = new PixelCache({ dataset, transform, maxBytes: PIXEL_CACHE_BYTES });
    this.#transform = transform;
    this.#patch = config.vision_config.patch_size;
    this.#planes = new Float32Array(3 * transform.size ** 2);
  }

  /** [n, N, 3pp] of the first image of each sample; a negative index gives an image of zeros. */
  async patches(indices: ArrayLike<number>): Promise<Float32Array> {
    const { size } = this.#transform;
    const floats = this.#planes.length;
    const patches = new Float32Array(indices.length * floats);
    for (let i = 0; i < indices.length; i++) {
      if (indices[i]! < 0) continue;
      const [image] = this.#dataset.manifest.samples[indices[i]!]!.images;
      const pixels = await this.#cache.pixels(image!);
      normalise(pixels, this.#transform, this.#planes, 0);
      const grid = { images: 1, size, patch: this.#patch };
      patchify(this.#planes, grid, patches.subarray(i * floats, (i + 1) * floats));
    }
    return patches;
  }
}
