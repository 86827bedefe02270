/**
 * The run queue on BullMQ. One job per run, its id is the run's id, its payload `{ runId }`. A consumer that is killed lets
 * its locks run out, and the next one gets its runs within `lockMs + 2 * stalledCheckMs`.
 *
 * A run that waits for workers stays delivered: its handler waits in memory for the fleet to change, and costs the queue
 * nothing but a share of one batched lock renewal. That is why the concurrency is far above any sensible queue length.
 */
import { TriptychError } from '@triptych/protocol';
import { isOutage } from '../store/outage.ts';
import type { Consumer, DeliveryHandler, DeliveryQueue, QueuedRun, RefusedRun } from './delivery-queue.ts';
import { GatheredRuns } from './gathered-runs.ts';
import { type JobQueue, openBacking } from './queue-backing.ts';
import { type OpenWorker, RunConsumer } from './run-consumer.ts';

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
  readonly openWorker: OpenWorker;
  readonly answerWithinMs: number;
}

class BullDeliveryQueue implements DeliveryQueue {
  readonly #parts: Parts;
  readonly #gathered = new GatheredRuns((runs) => this.enqueueAll(runs));
  #consumer: RunConsumer | undefined;
  #closed: Promise<void> | undefined;

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
    if (this.#consumer?.has(runId)) return;
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

  consume(handler: DeliveryHandler): Consumer {
    if (this.#consumer && !this.#consumer.isClosed) throw new Error('the queue has a consumer already');
    this.#consumer = new RunConsumer(handler, this.#parts.openWorker);
    return this.#consumer;
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    await this.#consumer?.close();
    await this.#parts.producer.close();
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

function ignoreLocked(error: unknown): void {
  if (!(error instanceof Error) || !/lock/i.test(error.message)) throw error;
}
