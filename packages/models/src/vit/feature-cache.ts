/**
 * What a vision tower that is not trained makes of pictures. Each picture is computed alone, so that its numbers depend on
 * nothing else: not on its batch, not on the rank, not on what is still kept. What is kept saves time and changes no bit.
 */
import type { Example } from '../model.ts';

/** Features are kept up to here. */
export const FEATURE_CACHE_BYTES = 512 * 2 ** 20;

export interface Picture {
  /** Changes with the picture's bytes; undefined where it will not be seen again. */
  readonly key: string | undefined;
  /** RGB bytes [size, size, 3]. */
  pixels(): Promise<Uint8Array>;
}

/** Picture `i` of a sample. */
export const pictureOf = (example: Example, i: number): Picture => ({
  key: example.pictureKey?.(i),
  pixels: () => example.pixels(i),
});

/** The key of a picture of zeros. */
const ZEROS = Symbol('zeros');

export interface FeatureCacheOptions {
  /** Values that the tower makes of a picture. */
  readonly length: number;
  readonly maxBytes?: number;
  /** Of one picture; `undefined` is a picture of zeros. The result is adopted. */
  readonly compute: (pixels: Uint8Array | undefined) => Promise<Float32Array>;
}

/** What was seen first stays, as in `PixelCache`: every epoch visits every picture once in a new order. */
export class FeatureCache {
  readonly #options: FeatureCacheOptions;
  readonly #kept = new Map<string | typeof ZEROS, Promise<Float32Array>>();

  constructor(options: FeatureCacheOptions) {
    this.#options = options;
  }

  /** [n, length], the caller's. Errors are not kept. */
  async features(pictures: readonly (Picture | undefined)[]): Promise<Float32Array> {
    const { length } = this.#options;
    const all = new Float32Array(pictures.length * length);
    for (const [i, picture] of pictures.entries()) all.set(await this.#of(picture), i * length);
    return all;
  }

  async #of(picture: Picture | undefined): Promise<Float32Array> {
    const { length, maxBytes = FEATURE_CACHE_BYTES, compute } = this.#options;
    const key = picture ? picture.key : ZEROS;
    if (key === undefined) return await compute(await picture!.pixels());
    const kept = this.#kept.get(key);
    if (kept) return await kept;
    const computing = (async () => await compute(await picture?.pixels()))();
    if ((this.#kept.size + 1) * length * Float32Array.BYTES_PER_ELEMENT > maxBytes) return await computing;
    this.#kept.set(key, computing);
    try {
      return await computing;
    } catch (error) {
      this.#kept.delete(key);
      throw error;
    }
  }
}
