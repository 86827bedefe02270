/** Deliveries to this process, from the first to the end of the consumer: who has which run here, and what becomes of its job. */
import { type ErrorCode, TriptychError } from '@triptych/protocol';
import { DelayedError, type Job, WaitingError } from 'bullmq';
import type { Consumer, DeliveryHandler, Disposition } from './delivery-queue.ts';
import type { JobPayload, JobWorker } from './queue-backing.ts';

/** Begins to take jobs. */
export type OpenWorker = (process: (job: Job<JobPayload>, token?: string) => Promise<void>) => JobWorker;

export class RunConsumer implements Consumer {
  readonly #handler: DeliveryHandler;
  readonly #deliveries = new Map<string, AbortController>();
  readonly #worker: JobWorker;
  #closed: Promise<void> | undefined;

  constructor(handler: DeliveryHandler, openWorker: OpenWorker) {
    this.#handler = handler;
    this.#worker = openWorker((job, token) => this.#deliver(job, token));
    // Another consumer may own these runs by now; the fencing token decides, this only stops needless work early.
    this.#worker.on('lockRenewalFailed', (runIds: string[]) => {
      for (const runId of runIds) this.#abort(runId, 'FENCED', 'the queue gave this run to another consumer');
    });
  }

  /** True where the run is delivered here now. */
  has(runId: string): boolean {
    return this.#deliveries.has(runId);
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    const closed = this.#worker.close();
    for (const runId of this.#deliveries.keys())
      this.#abort(runId, 'UNAVAILABLE', 'runs are handed over to another consumer');
    await closed;
  }

  async #deliver(job: Job<JobPayload>, token: string | undefined): Promise<void> {
    const { runId } = job.data;
    // BullMQ's fetch that was under way when we began to close may still bring a job, even one just released.
    if (this.isClosed) return settle(job, token, { kind: 'release' });
    // The lock ran out unnoticed (a process that was asleep), and the run comes back to where it still is.
    this.#abort(runId, 'FENCED', 'the queue delivered this run again');
    const aborter = new AbortController();
    this.#deliveries.set(runId, aborter);
    try {
      await settle(job, token, await this.#handler({ runId, signal: aborter.signal }));
    } finally {
      if (this.#deliveries.get(runId) === aborter) this.#deliveries.delete(runId);
    }
  }

  #abort(runId: string, code: ErrorCode, message: string): void {
    this.#deliveries.get(runId)?.abort(new TriptychError(code, message));
  }
}

async function settle(
  job: Job<JobPayload>,
  token: string | undefined,
  disposition: Disposition,
): Promise<void> {
  if (disposition.kind === 'retry') {
    await job.moveToDelayed(Date.now() + disposition.delayMs, token);
    throw new DelayedError();
  }
  if (disposition.kind === 'release') {
    await job.moveToWait(token);
    throw new WaitingError();
  }
}
