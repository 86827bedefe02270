/** A run's way into the waiting room and out of it: the states it shows while it waits, and the workers it gets in the end. */
import type { Numerics, RunStatus } from '@triptych/protocol';
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
  /** Read where somebody says that it has changed: nobody but an operator changes it while the run waits. */
  readonly numericsOnRecord: () => Promise<Numerics | undefined>;
  readonly graceMs: number;
  readonly signal: AbortSignal;
}

export class Placing {
  readonly #options: PlacingOptions;
  readonly #failed = new AbortController();
  #reconsidering: AbortController | undefined;
  #wait: Wait | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: PlacingOptions) {
    this.#options = options;
  }

  /** Resolves with reserved workers in the order of their ranks; the run is QUEUED or RECOVERING then. */
  async place(): Promise<readonly FleetWorker[]> {
    const { graceMs, writer } = this.#options;
    if (writer.status === 'BACKOFF') {
      await writer.move({
        event: 'requeue',
        reason: 'RETRY_SCHEDULED',
        message: 'Waiting for the next attempt',
      });
    }
    let grace: NodeJS.Timeout | undefined;
    const onWait = (wait: Wait) => {
      this.#wait = wait;
      grace ??= setTimeout(() => this.#write(() => this.#giveUpRecovering()), graceMs);
      this.#write(() => this.#explain());
    };
    try {
      for (;;) {
        const workers = await this.#ask(onWait);
        if (workers) return workers;
        const { memory, numericsOnRecord } = this.#options;
        memory.numerics = await numericsOnRecord();
        // Another backend is other numerics, too; what the owner asked for stays.
        memory.backend = memory.numerics?.backend;
      }
    } finally {
      clearTimeout(grace);
      await this.#writing;
    }
  }

  /** What the run may be placed on has changed on record. */
  reconsider(): void {
    this.#reconsidering?.abort();
  }

  /** @returns nothing where it is to be asked again, for something else */
  async #ask(onWait: (wait: Wait) => void): Promise<readonly FleetWorker[] | undefined> {
    const { scheduler, signal } = this.#options;
    const reconsidering = new AbortController();
    this.#reconsidering = reconsidering;
    const ends = AbortSignal.any([signal, this.#failed.signal]);
    try {
      return await scheduler.place(this.#demand(), {
        signal: AbortSignal.any([ends, reconsidering.signal]),
        onWait,
      });
    } catch (error) {
      if (ends.aborted || !reconsidering.signal.aborted) throw error;
      return undefined;
    } finally {
      this.#reconsidering = undefined;
    }
  }

  #demand(): Demand {
    const { run, spec } = this.#options.tenure;
    const { memory } = this.#options;
    const backend = spec.workers.backend ?? memory.backend;
    return {
      runId: run.id,
      priority: spec.priority,
      submittedAt: Date.parse(run.createdAt),
      pool: spec.workers.pool,
      ...(backend && { backend }),
      ...(memory.numerics && { numerics: memory.numerics }),
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
