/**
 * From many producers to one consumer, in batches. Urgent items are handed over at once, together with all before them;
 * others at most once in `paceMs`, so that a thousand steps a second are four writes a second and the first one never waits.
 * A consumer that is held up holds up its producers: {@link EventChannel.room}.
 */
export class EventChannel<T> {
  readonly #paceMs: number;
  readonly #isUrgent: (item: T) => boolean;
  readonly #limit: number;
  readonly #room = new EventTarget();
  #items: T[] = [];
  #urgent = false;
  #closed = false;
  #wake: () => void = () => {};

  /** `limit`: items that may wait to be handed over, one more for each producer. */
  constructor(options: {
    readonly paceMs: number;
    readonly isUrgent: (item: T) => boolean;
    readonly limit?: number;
  }) {
    this.#limit = options.limit ?? 4096;
    this.#paceMs = options.paceMs;
    this.#isUrgent = options.isUrgent;
  }

  push(item: T): void {
    if (this.#closed) return;
    this.#items.push(item);
    this.#urgent ||= this.#isUrgent(item);
    this.#wake();
  }

  /** Resolves when there is room for another item: a producer that waits for it before each push loses none. Never rejects. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#items.length >= this.#limit && !this.#closed && !signal.aborted)
      await new Promise<void>((resolve) => {
        const go = () => {
          signal.removeEventListener('abort', go);
          this.#room.removeEventListener('room', go);
          resolve();
        };
        signal.addEventListener('abort', go);
        this.#room.addEventListener('room', go);
      });
  }

  /** Nothing is accepted any more; what is there is still handed over. */
  close(): void {
    this.#closed = true;
    this.#wake();
    this.#room.dispatchEvent(new Event('room'));
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
        this.#room.dispatchEvent(new Event('room'));
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
