/**
 * What a worker's failures mean for its next placement: for a while others are preferred, twice as long after each failure that
 * follows. Pure: the time comes in.
 */
export class Blame {
  readonly #firstMs: number;
  #failures = 0;
  #lastAt = 0;
  #until = 0;

  constructor(firstMs: number) {
    this.#firstMs = firstMs;
  }

  /** `isCertain`: it can hardly be another's; else (a link between two has broken) the first time is forgiven. */
  add(now: number, isCertain: boolean): void {
    if (now - this.#lastAt > Math.max(MEMORY_MS, 2 * this.#lengthMs)) this.#failures = 0;
    this.#failures += 1;
    this.#lastAt = now;
    if (isCertain || this.#failures > 1) this.#until = now + this.#lengthMs;
  }

  /** A generation ended well on it. */
  clear(): void {
    this.#failures = 0;
    this.#until = 0;
  }

  isCooling(now: number): boolean {
    return now < this.#until;
  }

  get #lengthMs(): number {
    return this.#failures === 0 ? 0 : Math.min(LONGEST_MS, this.#firstMs * 2 ** (this.#failures - 1));
  }
}

const MEMORY_MS = 60_000;
const LONGEST_MS = 300_000;
