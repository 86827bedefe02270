/** Runs that are queued one by one at the same time go into the store together: 500 of them are one write, not 500. */
import { setImmediate } from 'node:timers/promises';
import type { QueuedRun, RefusedRun } from './delivery-queue.ts';

interface Waiting {
  readonly run: QueuedRun;
  readonly resolve: (refused: RefusedRun | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class GatheredRuns {
  readonly #write: (runs: readonly QueuedRun[]) => Promise<readonly RefusedRun[]>;
  #waiting: Waiting[] = [];
  #writing = false;

  constructor(write: (runs: readonly QueuedRun[]) => Promise<readonly RefusedRun[]>) {
    this.#write = write;
  }

  /** Resolves when the run is written, with the reason where it is refused; what comes while a write is under way is the next one. */
  add(run: QueuedRun): Promise<RefusedRun | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ run, resolve, reject });
      if (!this.#writing) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      // Those that are asked for in the same turn come with it.
      await setImmediate();
      const together = this.#waiting;
      this.#waiting = [];
      try {
        const refused = await this.#write(together.map(({ run }) => run));
        for (const { run, resolve } of together) resolve(refused.find(({ runId }) => runId === run.runId));
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
    }
    this.#writing = false;
  }
}
