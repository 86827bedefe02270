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

  /** Resolves at the next change, after `timeoutMs` at the latest; rejects with the reason of `signal`. */
  async next(
    runId: string,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<'changed' | 'timeout'> {
    const { timeoutMs, signal } = options;
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        unsubscribe();
        signal?.removeEventListener('abort', aborted);
        settle();
      };
      const aborted = () => finish(() => reject(signal?.reason));
      const unsubscribe = this.subscribe(runId, () => finish(() => resolve('changed')));
      const timer = setTimeout(() => finish(() => resolve('timeout')), timeoutMs);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  /** How many runs are being waited on. */
  get size(): number {
    return this.#listeners.size;
  }
}
