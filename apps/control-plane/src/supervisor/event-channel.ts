/**
 * From many producers to one consumer, in batches. Urgent items are handed over at once, together with all before them;
 * others at most once in `paceMs`, so that a thousand steps a second are four writes a second and the first one never waits.
 */
export class EventChannel<T> {
  readonly #paceMs: number;
  readonly #isUrgent: (item: T) => boolean;
  #items: T[] = [];
  #urgent = false;
  #closed = false;
  #wake: () => void = () => {};

  constructor(options: { readonly paceMs: number; readonly isUrgent: (item: T) => boolean }) {
    this.#paceMs = options.paceMs;
    this.#isUrgent = options.isUrgent;
  }

  push(item: T): void {
    if (this.#closed) return;
    this.#items.push(item);
    this.#urgent ||= this.#isUrgent(item);
    this.#wake();
  }

  /** Nothing is accepted any more; what is there is still handed over. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** One consumer only. Throws the signal's reason when aborted. */
  async *batches(signal: AbortSignal): AsyncGenerator<readonly T[]> {
    let handedOverAt = Number.NEGATIVE_INFINITY;
    for (;;) {
      signal.throwIfAborted();
      const waitMs = this.#waitMs(handedOverAt + this.#paceMs - performance.now());
      if (waitMs > 0) {
        await this.#news(waitMs, signal);
      } else if (this.#items.length > 0) {
        const batch = this.#items;
        this.#items = [];
        this.#urgent = false;
        handedOverAt = performance.now();
        yield batch;
      } else return;
    }
  }

  /** 0: now; Infinity: until something is pushed. */
  #waitMs(untilPaceMs: number): number {
    if (this.#closed || this.#urgent) return 0;
    return this.#items.length === 0 ? Number.POSITIVE_INFINITY : Math.max(0, untilPaceMs);
  }

  async #news(waitMs: number, signal: AbortSignal): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let wake = () => {};
    try {
      await new Promise<void>((resolve) => {
        wake = resolve;
        this.#wake = resolve;
        signal.addEventListener('abort', wake, { once: true });
        if (Number.isFinite(waitMs)) timer = setTimeout(wake, waitMs);
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      this.#wake = () => {};
    }
  }
}
