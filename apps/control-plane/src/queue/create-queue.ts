/**
 * The run queue on BullMQ. One job per run, its id is the run's id, its payload `{ runId }`. A consumer that is killed lets
 * its locks run out, and the next one gets its runs within `lockMs + 2 * stalledCheckMs`.
 *
 * A run that waits for workers stays delivered: its handler waits in memory for the fleet to change, and costs the queue
 * nothing but a share of one batched lock renewal. That is why the concurrency is far above any sensible queue length.
 */
import { type ErrorCode, TriptychError } from '@triptych/protocol';
import { DelayedError, type Job, WaitingError } from 'bullmq';
import { isOutage } from '../store/outage.ts';
import type { DeliveryHandler, DeliveryQueue, Disposition, QueuedRun, RefusedRun } from './delivery-queue.ts';
import { GatheredRuns } from './gathered-runs.ts';
import { type JobPayload, type JobQueue, type JobWorker, openBacking } from './queue-backing.ts';

export interface CreateQueueOptions {
  /** redis://, rediss:// or postgres:// */
  readonly url: string;
  /** Redis key prefix or PostgreSQL schema; two stacks on one server need two. */
  readonly namespace?: string;
  readonly lockMs?: number;
  readonly stalledCheckMs?: number;
  readonly concurrency?: number;
  /** How long `depth` and `enqueue` wait for a store that is away before they reject with `UNAVAILABLE`. */
  readonly answerWithinMs?: number;
  readonly onError?: (error: Error) => void;
}

export async function createQueue(options: CreateQueueOptions): Promise<DeliveryQueue> {
  const backing = await openBacking({ url: options.url, namespace: options.namespace ?? 'triptych_queue' });
  const onError = options.onError ?? (() => {});
  const producer = backing.queue(QUEUE_NAME, {
    defaultJobOptions: {
      removeOnComplete: true,
      removeOnFail: true,
      attempts: UNLIMITED,
      backoff: { type: 'fixed', delay: 1000 },
      stackTraceLimit: 1,
    },
  });
  producer.on('error', onError);
  await producer.waitUntilReady();
  return new BullDeliveryQueue({
    producer,
    answerWithinMs: options.answerWithinMs ?? 5000,
    openWorker: (process) =>
      backing
        .worker(QUEUE_NAME, process, {
          concurrency: options.concurrency ?? 10_000,
          lockDuration: options.lockMs ?? 5000,
          stalledInterval: options.stalledCheckMs ?? 1500,
          // A run that saw the control plane die a hundred times has done nothing wrong.
          maxStalledCount: UNLIMITED,
          runRetryDelay: 1000,
        })
        .on('error', onError),
  });
}

const QUEUE_NAME = 'runs';
const UNLIMITED = 1_000_000_000;

interface Parts {
  readonly producer: JobQueue;
  readonly openWorker: (process: (job: Job<JobPayload>, token?: string) => Promise<void>) => JobWorker;
  readonly answerWithinMs: number;
}

class BullDeliveryQueue implements DeliveryQueue {
  readonly #parts: Parts;
  readonly #gathered = new GatheredRuns((runs) => this.enqueueAll(runs));
  readonly #deliveries = new Map<string, AbortController>();
  #worker: JobWorker | undefined;
  #closed: Promise<void> | undefined;
  #closing = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async enqueue(runId: string, priority: number): Promise<void> {
    const refused = await this.#gathered.add({ runId, priority });
    if (refused) throw new TriptychError('INVALID_INPUT', refused.message);
  }

  async enqueueAll(runs: readonly QueuedRun[]): Promise<readonly RefusedRun[]> {
    if (runs.length === 0) return [];
    try {
      await this.#answer(this.#parts.producer.addBulk(runs.map(jobOf)));
      return [];
    } catch (error) {
      if (error instanceof TriptychError || isOutage(error)) throw error;
      const [only, ...others] = runs;
      if (only && others.length === 0) return [{ runId: only.runId, message: refusal(only, error) }];
      // BullMQ takes a bulk whole or not at all, and does not say whose fault it was.
      const refused: RefusedRun[] = [];
      for (const run of runs) refused.push(...(await this.enqueueAll([run])));
      return refused;
    }
  }

  async remove(runId: string): Promise<void> {
    if (this.#deliveries.has(runId)) return;
    // Rejects where another consumer holds the lock: that one will find the run over.
    await this.#answer(this.#parts.producer.remove(runId).catch(ignoreLocked));
  }

  async depth(): Promise<Readonly<Record<'waiting' | 'active' | 'delayed' | 'failed', number>>> {
    const counts = await this.#answer(
      this.#parts.producer.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed'),
    );
    const of = (state: string) => counts[state] ?? 0;
    return {
      waiting: of('waiting') + of('prioritized'),
      active: of('active'),
      delayed: of('delayed'),
      failed: of('failed'),
    };
  }

  consume(handler: DeliveryHandler): void {
    if (this.#worker) throw new Error('the queue has a consumer already');
    this.#worker = this.#parts.openWorker((job, token) => this.#deliver(job, { token, handler }));
    // Another consumer may own these runs by now; the fencing token decides, this only stops needless work early.
    this.#worker.on('lockRenewalFailed', (runIds: string[]) => {
      for (const runId of runIds) this.#abort(runId, 'FENCED', 'the queue gave this run to another consumer');
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    this.#closing = true;
    const closed = this.#worker?.close();
    for (const runId of this.#deliveries.keys()) {
      this.#abort(runId, 'UNAVAILABLE', 'the control plane is shutting down');
    }
    await closed;
    await this.#parts.producer.close();
  }

  async #deliver(
    job: Job<JobPayload>,
    options: { token: string | undefined; handler: DeliveryHandler },
  ): Promise<void> {
    const { runId } = job.data;
    // BullMQ's fetch that was under way when we began to close may still bring a job, even one just released.
    if (this.#closing) return settle(job, options.token, { kind: 'release' });
    // The lock ran out unnoticed (a process that was asleep), and the run comes back to where it still is.
    this.#abort(runId, 'FENCED', 'the queue delivered this run again');
    const aborter = new AbortController();
    this.#deliveries.set(runId, aborter);
    try {
      await settle(job, options.token, await options.handler({ runId, signal: aborter.signal }));
    } finally {
      if (this.#deliveries.get(runId) === aborter) this.#deliveries.delete(runId);
    }
  }

  #abort(runId: string, code: ErrorCode, message: string): void {
    this.#deliveries.get(runId)?.abort(new TriptychError(code, message));
  }

  /** Bounds the wait for a store that is away; the operation itself goes on. */
  async #answer<T>(operation: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new TriptychError('UNAVAILABLE', 'The queue does not answer; is its server up?');
      timer = setTimeout(() => reject(error), this.#parts.answerWithinMs);
    });
    try {
      return await Promise.race([operation, late]);
    } finally {
      clearTimeout(timer);
      operation.catch(() => {});
    }
  }
}

const jobOf = ({ runId, priority }: QueuedRun) => ({
  name: 'run',
  data: { runId },
  // BullMQ serves jobs without a priority (0) before all others, so ours begin at 1.
  opts: { jobId: runId, priority: priority + 1 },
});

const refusal = ({ runId, priority }: QueuedRun, error: unknown): string =>
  `The queue does not take run ${runId} with priority ${priority}: ${error instanceof Error ? error.message : String(error)}`;

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

function ignoreLocked(error: unknown): void {
  if (!(error instanceof Error) || !/lock/i.test(error.message)) throw error;
}
