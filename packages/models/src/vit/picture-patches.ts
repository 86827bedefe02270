/** Decoded pictures as the patches of a vision transformer. */
import { type ImageTransform, normalise } from '@triptych/datasets';
import { patchify } from './patchify.ts';

export class PicturePatches {
  readonly #transform: ImageTransform;
  readonly #patch: number;
  /** One picture between its two forms: reused, since megabytes of garbage a step keep the collector's threads on the cores. */
  readonly #planes: Float32Array;

  /** `patch`: side of a patch in pixels; divides the transform's size. */
  constructor(transform: ImageTransform, patch: number) {
    this.#transform = transform;
    this.#patch = patch;
    this.#planes = new Float32Array(3 * transform.size ** 2);
  }

  /** RGB bytes [size, size, 3] each to [n, (size / patch)^2, 3 * patch^2]; `undefined` is a picture of zeros. */
  cut(pictures: readonly (Uint8Array | undefined)[]): Float32Array {
    const floats = this.#planes.length;
    const patches = new Float32Array(pictures.length * floats);
    const grid = { images: 1, size: this.#transform.size, patch: this.#patch };
    for (const [i, picture] of pictures.entries()) {
      if (!picture) continue;
      normalise(picture, this.#transform, this.#planes, 0);
      patchify(this.#planes, grid, patches.subarray(i * floats, (i + 1) * floats));
    }
    return patches;
  }
}
