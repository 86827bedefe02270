/** Copies tensors into one flat vector. Where reading means waiting for a GPU, a few are under way at a time. */
import { kernels } from '../kernels/kernels.ts';
import type { Tensor } from '../tensorflow.ts';

/** Enough that a GPU computes while answers travel, few enough that little memory waits for them. */
const UNDER_WAY = 8;

export class VectorReader {
  readonly #out: Float32Array;
  readonly #pending: Promise<void>[] = [];

  constructor(out: Float32Array) {
    this.#out = out;
  }

  /** Resolves when another one may be read. `release` is called once the tensor has been read, or cannot be. */
  async read(tensor: Tensor, offset: number, release: () => void = () => undefined): Promise<void> {
    const values = kernels().read(tensor);
    if (values instanceof Float32Array) {
      this.#out.set(values, offset);
      release();
      return;
    }
    const read = values.then((copy) => this.#out.set(copy, offset)).finally(release);
    // It is awaited later; until then its failure is nobody's.
    read.catch(() => undefined);
    this.#pending.push(read);
    if (this.#pending.length === UNDER_WAY) await this.#pending.shift();
  }

  /** Waits for all of them, even where one fails: a GPU must not be left with a question open. */
  async finish(): Promise<void> {
    for (const outcome of await Promise.allSettled(this.#pending.splice(0)))
      if (outcome.status === 'rejected') throw outcome.reason;
  }
}
