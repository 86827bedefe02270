/** Keeps transformed pictures between epochs, so that a dataset which fits is decoded once. */
import type { Dataset } from '../pack/dataset.ts';
import { pixels } from './pixels.ts';
import type { ImageTransform } from './transform.ts';

/**
 * What was seen first stays; nothing is evicted. Every epoch visits every sample once in a new order, and there a
 * least-recently-used cache that is too small would miss nearly always, while this one hits in proportion to its size.
 */
export class PixelCache {
  readonly maxBytes: number;
  readonly #dataset: Dataset;
  readonly #transform: ImageTransform;
  readonly #kept = new Map<number, Promise<Uint8Array>>();
  #hits = 0;
  #misses = 0;

  constructor(options: { dataset: Dataset; transform: ImageTransform; maxBytes: number }) {
    this.maxBytes = options.maxBytes;
    this.#dataset = options.dataset;
    this.#transform = options.transform;
  }

  /** RGB bytes [size, size, 3] of one sample. They are shared: do not write to them. Errors are not kept. */
  async pixels(index: number): Promise<Uint8Array> {
    const kept = this.#kept.get(index);
    if (kept) {
      this.#hits += 1;
      return kept;
    }
    this.#misses += 1;
    const loading = pixels(this.#dataset, index, this.#transform);
    if (this.bytes + this.#bytesPerImage > this.maxBytes) return loading;
    this.#kept.set(index, loading);
    try {
      return await loading;
    } catch (error) {
      this.#kept.delete(index);
      throw error;
    }
  }

  /** Bytes of pixels held (or being loaded). */
  get bytes(): number {
    return this.#kept.size * this.#bytesPerImage;
  }

  get hits(): number {
    return this.#hits;
  }

  get misses(): number {
    return this.#misses;
  }

  get #bytesPerImage(): number {
    return this.#transform.size ** 2 * 3;
  }
}
