/** Concatenates image files to packs of bounded size, so that a store holds few large artifacts instead of many small ones. */
import type { ArtifactStoreLike } from './manifest.ts';

export const MAX_PACK_BYTES = 64 * 1024 * 1024;

export class PackWriter {
  readonly packs: { sha256: string; bytes: number }[] = [];
  readonly #store: ArtifactStoreLike;
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(store: ArtifactStoreLike, maxBytes = MAX_PACK_BYTES) {
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  /** Appends a file of at most the pack size and says where it will lie. */
  async add(file: Uint8Array): Promise<{ pack: number; offset: number; length: number }> {
    if (this.#bytes + file.length > this.#maxBytes) await this.#publish();
    const place = { pack: this.packs.length, offset: this.#bytes, length: file.length };
    this.#parts.push(file);
    this.#bytes += file.length;
    return place;
  }

  /** Publishes what is left. Call it once, at the end. */
  async finish(): Promise<void> {
    if (this.#bytes > 0) await this.#publish();
  }

  async #publish(): Promise<void> {
    const pack = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    const { sha256, bytes } = await this.#store.put(pack);
    this.packs.push({ sha256, bytes });
  }
}
