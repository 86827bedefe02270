/** A run's way into the waiting room and out of it: the states it shows while it waits, and the workers it gets in the end. */
import type { RunStatus } from '@triptych/protocol';
import type { Demand, FleetWorker, Wait } from '../scheduler/place.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Tenure } from '../store/run-store.ts';
import type { RunMemory } from './run-memory.ts';
import type { RunWriter } from './run-writer.ts';

export interface PlacingOptions {
  readonly tenure: Tenure;
  readonly memory: RunMemory;
  readonly writer: RunWriter;
  readonly scheduler: Scheduler;
  readonly graceMs: number;
  readonly signal: AbortSignal;
}

export class Placing {
  readonly #options: PlacingOptions;
  readonly #failed = new AbortController();
  #wait: Wait | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: PlacingOptions) {
    this.#options = options;
  }

  /** Resolves with reserved workers in the order of their ranks; the run is QUEUED or RECOVERING then. */
  async place(): Promise<readonly FleetWorker[]> {
    const { scheduler, signal, graceMs, writer } = this.#options;
    if (writer.status === 'BACKOFF') {
      await writer.move({
        event: 'requeue',
        reason: 'RETRY_SCHEDULED',
        message: 'Waiting for the next attempt',
      });
    }
    let grace: NodeJS.Timeout | undefined;
    try {
      const workers = await scheduler.place(this.#demand(), {
        signal: AbortSignal.any([signal, this.#failed.signal]),
        onWait: (wait) => {
          this.#wait = wait;
          grace ??= setTimeout(() => this.#write(() => this.#giveUpRecovering()), graceMs);
          this.#write(() => this.#explain());
        },
      });
      clearTimeout(grace);
      return workers;
    } finally {
      clearTimeout(grace);
      await this.#writing;
    }
  }

  #demand(): Demand {
    const { run, spec } = this.#options.tenure;
    const backend = spec.workers.backend ?? this.#options.memory.backend;
    return {
      runId: run.id,
      priority: spec.priority,
      submittedAt: Date.parse(run.createdAt),
      pool: spec.workers.pool,
      ...(backend && { backend }),
      minWorkers: spec.workers.min,
      maxWorkers: spec.workers.max,
      shards: spec.batch.shards,
    };
  }

  /** A run that waits says why; one that has just lost workers says that, until its grace is over. */
  async #explain(): Promise<void> {
    const { writer } = this.#options;
    if (this.#wait === undefined || writer.status !== ('QUEUED' satisfies RunStatus)) return;
    await writer.explain({ reason: this.#wait.wait, message: this.#wait.message });
  }

  async #giveUpRecovering(): Promise<void> {
    const { writer, graceMs } = this.#options;
    if (writer.status !== 'RECOVERING') return;
    const message = `No workers to go on with for ${graceMs / 1000} s: back into the queue`;
    await writer.releaseAssignments();
    await writer.move({ event: 'backOff', reason: 'RETRY_SCHEDULED', message });
    await writer.move({ event: 'requeue', reason: 'WAITING_FOR_WORKERS', message });
    await this.#explain();
  }

  /** One write after the other; the first that fails ends the waiting. */
  #write(write: () => Promise<void>): void {
    this.#writing = this.#writing.then(write).catch((error: unknown) => this.#failed.abort(error));
  }
}
