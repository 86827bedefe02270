/** A {@link DeliveryQueue} without a store: delivers at once, forgets when closed. */
import type {
  Consumer,
  Delivery,
  DeliveryHandler,
  DeliveryQueue,
  QueuedRun,
  RefusedRun,
} from '../../queue/delivery-queue.ts';

export class MemoryQueue implements DeliveryQueue {
  readonly #waiting = new Map<string, number>();
  readonly #active = new Map<string, { abort: AbortController; ended: Promise<void> }>();
  readonly errors: unknown[] = [];
  #handler: DeliveryHandler | undefined;
  #closed = false;

  async enqueue(runId: string, priority: number): Promise<void> {
    await this.enqueueAll([{ runId, priority }]);
  }

  async enqueueAll(runs: readonly QueuedRun[]): Promise<readonly RefusedRun[]> {
    for (const { runId, priority } of runs) {
      if (!this.#waiting.has(runId) && !this.#active.has(runId)) this.#waiting.set(runId, priority);
    }
    this.#deliver();
    return [];
  }

  async remove(runId: string): Promise<void> {
    this.#waiting.delete(runId);
  }

  async depth() {
    return { waiting: this.#waiting.size, active: this.#active.size, delayed: 0, failed: 0 };
  }

  consume(handler: DeliveryHandler): Consumer {
    this.#handler = handler;
    this.#deliver();
    return { close: () => this.close() };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const active = [...this.#active.values()];
    for (const { abort } of active) abort.abort(new Error('the queue closes'));
    await Promise.all(active.map(({ ended }) => ended));
  }

  #deliver(): void {
    if (!this.#handler || this.#closed) return;
    for (const [runId] of [...this.#waiting].sort((a, b) => a[1] - b[1])) {
      this.#waiting.delete(runId);
      const abort = new AbortController();
      const ended = this.#work({ runId, signal: abort.signal });
      this.#active.set(runId, { abort, ended });
    }
  }

  async #work(delivery: Delivery): Promise<void> {
    const { runId } = delivery;
    const disposition = await (this.#handler as DeliveryHandler)(delivery).catch((error: unknown) => {
      this.errors.push(error);
      return { kind: 'retry', delayMs: 20 } as const;
    });
    this.#active.delete(runId);
    if (disposition.kind === 'done' || this.#closed) return;
    setTimeout(() => void this.enqueue(runId, 0), disposition.kind === 'retry' ? disposition.delayMs : 0);
  }
}
