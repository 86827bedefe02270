/**
 * What the supervisor needs of the queue, beyond what the REST side needs ({@link RunQueue}): deliveries. The queue decides
 * when a run is delivered and delivers it again where its consumer dies; it knows nothing of what a run is.
 */
import type { RunQueue } from '../store/run-queue.ts';

export interface DeliveryQueue extends RunQueue {
  /** {@link RunQueue.enqueue} for many runs in one round trip. Answers with those that the queue will never take. */
  enqueueAll(runs: readonly QueuedRun[]): Promise<readonly RefusedRun[]>;
  /**
   * Starts deliveries, most urgent first, to the one consumer here. A handler that rejects gets the run again after a second.
   * Another consumer may begin when this one was closed.
   */
  consume(handler: DeliveryHandler): Consumer;
  /** Ends deliveries, and lets go of the connections. */
  close(): Promise<void>;
}

export interface Consumer {
  /** Aborts every delivery and waits for the handlers. Unfinished runs go back. */
  close(): Promise<void>;
}

export interface QueuedRun {
  readonly runId: string;
  readonly priority: number;
}

export interface RefusedRun {
  readonly runId: string;
  /** Why it cannot be queued as it is. */
  readonly message: string;
}

export type DeliveryHandler = (delivery: Delivery) => Promise<Disposition>;

export interface Delivery {
  readonly runId: string;
  /** Aborted when this delivery is no longer ours: its lock was lost, or the queue closes. */
  readonly signal: AbortSignal;
}

/** What becomes of a delivered run: `done` leaves the queue, `retry` comes back after a delay, `release` at once. */
export type Disposition =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'release' };
