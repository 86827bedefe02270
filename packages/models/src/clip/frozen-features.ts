/** What an image tower that is not trained makes of pictures: computed once, and kept as far as memory allows. */
import type { Example } from '../model.ts';

export const FROZEN_FEATURES_BYTES = 256 * 2 ** 20;

export interface FrozenFeaturesOptions {
  readonly width: number;
  readonly maxBytes?: number;
  /** [width], of one picture alone, so that its bits do not depend on its neighbours. */
  readonly compute: (pixels: Uint8Array) => Promise<Float32Array>;
}

/** What was seen first stays: an epoch visits every picture once, where evicting the oldest would lose them all. */
export class FrozenFeatures {
  readonly #options: FrozenFeaturesOptions;
  readonly #most: number;
  readonly #kept = new Map<string, Promise<Float32Array>>();

  constructor(options: FrozenFeaturesOptions) {
    this.#options = options;
    this.#most = Math.floor((options.maxBytes ?? FROZEN_FEATURES_BYTES) / (4 * options.width));
  }

  /** Rows [n, width] of the first pictures. Errors are not kept. */
  async of(examples: readonly Example[]): Promise<Float32Array> {
    const { width } = this.#options;
    const rows = new Float32Array(examples.length * width);
    for (const [i, example] of examples.entries()) rows.set(await this.#row(example), i * width);
    return rows;
  }

  #row(example: Example): Promise<Float32Array> {
    const key = example.pictureKey(0);
    const known = this.#kept.get(key);
    if (known) return known;
    const row = example.pixels(0).then(this.#options.compute);
    if (this.#kept.size < this.#most) {
      this.#kept.set(key, row);
      row.catch(() => this.#kept.delete(key));
    }
    return row;
  }
}
