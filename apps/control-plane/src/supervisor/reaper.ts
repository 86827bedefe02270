/**
 * Ends trainings that no run holds any more: of a run that is over, that has gone on elsewhere, or whose end a worker did not
 * hear. What a worker says is compared with what supervisions here and the record hold; a worker that nobody holds and that
 * says it is busy would otherwise wait for its run for ever, and the run for it.
 */
import { isTerminal } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { Stray, WorkerRegistry } from '../registry/worker-registry.ts';
import type { Ownership, RunStore } from '../store/run-store.ts';
import { ignoreMissing } from './missing-run.ts';
import { HIGHEST_TOKEN } from './stop-ranks.ts';
import type { TrainerClients } from './trainer-clients.ts';

export interface ReaperOptions {
  readonly runs: RunStore;
  readonly registry: WorkerRegistry;
  readonly clients: TrainerClients;
  readonly logger: Logger;
  /** True where a supervision of this process uses the worker for the run, or may. */
  readonly isHeld: (stray: Stray) => boolean;
}

const TIMEOUT_MS = 10_000;

export class Reaper {
  readonly #options: ReaperOptions;
  /** Worker and run, while a stop is under way. */
  readonly #busy = new Set<string>();

  constructor(options: ReaperOptions) {
    this.#options = options;
  }

  /** Looks at the whole fleet once. What fails is tried again the next time. */
  reap(): void {
    const { registry, logger } = this.#options;
    for (const stray of registry.strays()) {
      const { workerId, runId } = stray;
      const key = `${workerId} ${runId}`;
      if (this.#busy.has(key)) continue;
      this.#busy.add(key);
      this.#reapOne(stray)
        .catch((err: unknown) =>
          logger.warn(
            { event: 'reap-failed', workerId, runId, err },
            `Worker ${workerId} could not be stopped`,
          ),
        )
        .finally(() => this.#busy.delete(key));
    }
  }

  async #reapOne(stray: Stray): Promise<void> {
    const { runs, registry, clients, logger, isHeld } = this.#options;
    const { workerId, runId, attempt } = stray;
    if (isHeld(stray)) return;
    const owner = await runs.ownership(runId).catch(ignoreMissing);
    // A run that waits for its supervisor needs its workers.
    if (isHeldByRecord(owner, workerId) || isHeld(stray)) return;
    // By the record nobody will ever own this attempt again.
    const request = {
      runId,
      attempt,
      fencingToken: Number(HIGHEST_TOKEN),
      reason: 'No run holds this worker',
    };
    await clients.stop(workerId, request, AbortSignal.timeout(TIMEOUT_MS));
    registry.release({ runId, attempt }, [workerId]);
    logger.info(
      { event: 'worker-reaped', workerId, runId, attempt },
      `Worker ${workerId} was stopped: run ${runId} needs it no more`,
    );
  }
}

const isHeldByRecord = (owner: Ownership | undefined, workerId: string): boolean =>
  owner !== undefined && !isTerminal(owner.status) && owner.workerIds.includes(workerId);
