/**
 * Seeded trouble for tests: which rank fails, who is held up, in which order messages of different links arrive. A test
 * says what shall go wrong and gets the same run again from the same seed.
 */
import { withResolvers } from '../group-aborted.ts';

export class Faults {
  readonly #failures = new Set<string>();
  readonly #delays = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #randomState: number;
  readonly #reorder: boolean;

  /** With `reorder`, frames of different links overtake each other at random; within a link the order stays. */
  constructor(options: { seed?: number; reorder?: boolean } = {}) {
    this.#randomState = options.seed ?? 1;
    this.#reorder = options.reorder ?? false;
  }

  /** The rank dies when it first sends in the operation (numbered from 1): its links break, it says no reason. */
  failAt(rank: number, operation: number): this {
    this.#failures.add(`${rank}/${operation}`);
    return this;
  }

  /** The rank sends nothing in the operation until the promise resolves. */
  delayAt(options: { rank: number; operation: number; until: Promise<unknown> }): this {
    this.#delays.set(`${options.rank}/${options.operation}`, options.until);
    return this;
  }

  /** Asked by the transport before each frame. */
  fails(rank: number, operation: number): boolean {
    return this.#failures.has(`${rank}/${operation}`);
  }

  /** Asked by the transport before each frame: resolves when that frame's turn has come. */
  async turn(rank: number, operation: number): Promise<void> {
    await this.#delays.get(`${rank}/${operation}`);
    if (!this.#reorder) return;
    const { promise, resolve } = withResolvers<void>();
    this.#waiting.push(resolve);
    if (this.#waiting.length === 1) setImmediate(() => this.#releaseOne());
    await promise;
  }

  #releaseOne(): void {
    const [release] = this.#waiting.splice(Math.floor(this.#random() * this.#waiting.length), 1);
    if (this.#waiting.length > 0) setImmediate(() => this.#releaseOne());
    release?.();
  }

  /** mulberry32 */
  #random(): number {
    this.#randomState = (this.#randomState + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#randomState ^ (this.#randomState >>> 15), 1 | this.#randomState);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }
}
