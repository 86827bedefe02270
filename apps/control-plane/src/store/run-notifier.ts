/**
 * Tells the waiting parts of this process that something about a run changed: event streams and supervisors. It carries
 * no content (whoever wakes reads the store) and it reaches no other process (whoever must not miss a change also polls).
 */
export class RunNotifier {
  readonly #listeners = new Map<string, Set<() => void>>();

  /** Wakes everyone who waits on `runId`. */
  wake(runId: string): void {
    for (const listener of [...(this.#listeners.get(runId) ?? [])]) listener();
  }

  /** Calls `listener` at every change until the returned function is called. */
  subscribe(runId: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(runId) ?? new Set();
    this.#listeners.set(runId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(runId) === listeners) this.#listeners.delete(runId);
    };
  }

  /** Remembers changes from now on, so that none is missed between reading the store and waiting. Dispose it. */
  watch(runId: string): RunWatch {
    return new RunWatch((listener) => this.subscribe(runId, listener));
  }

  /** Resolves at the next change, after `timeoutMs` at the latest; rejects with the reason of `signal`. */
  async next(runId: string, options: Patience): Promise<'changed' | 'timeout'> {
    using watch = this.watch(runId);
    return await watch.changed(options);
  }

  /** How many runs are being waited on. */
  get size(): number {
    return this.#listeners.size;
  }
}

export interface Patience {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** One waiting party's view of one run. */
export class RunWatch {
  readonly #unsubscribe: () => void;
  #dirty = false;
  #wake = () => {};

  constructor(subscribe: (listener: () => void) => () => void) {
    this.#unsubscribe = subscribe(() => {
      this.#dirty = true;
      this.#wake();
    });
  }

  /** Resolves as soon as something has changed since this last resolved with `changed`. */
  async changed({ timeoutMs, signal }: Patience): Promise<'changed' | 'timeout'> {
    signal?.throwIfAborted();
    if (!this.#dirty) await this.#pause({ timeoutMs, ...(signal ? { signal } : {}) });
    const outcome = this.#dirty ? 'changed' : 'timeout';
    this.#dirty = false;
    return outcome;
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  async #pause({ timeoutMs, signal }: Patience): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let aborted = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        aborted = () => reject(signal?.reason);
        timer = setTimeout(resolve, timeoutMs);
        signal?.addEventListener('abort', aborted, { once: true });
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      this.#wake = () => {};
    }
  }
}
