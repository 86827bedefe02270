/** Ending a generation's work on its workers. */
import { setTimeout as delay } from 'node:timers/promises';
import { TriptychError } from '@triptych/protocol';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import type { PlacedRank } from '../store/run-store.ts';
import type { TrainerClients } from './trainer-clients.ts';

export interface StopOptions {
  readonly ranks: readonly PlacedRank[];
  readonly runId: string;
  readonly fencingToken: bigint;
  readonly reason: string;
  readonly clients: TrainerClients;
  readonly registry: WorkerRegistry;
}

/** How long a worker may take to leave its compute thread in order. */
const STOP_TIMEOUT_MS = 10_000;
/** For a worker that has lost its lease: it may answer, nobody waits for it. */
const LAST_TRY_MS = 1000;

/** Asks every worker once, and returns the ids of those that are free now. The others are suspect in the registry. */
export async function stopRanks(options: StopOptions): Promise<string[]> {
  const answers = await Promise.all(options.ranks.map((placed) => isStopped(placed, options)));
  options.ranks.forEach(({ workerId }, index) => {
    if (!answers[index]) options.registry.suspect(workerId);
  });
  return options.ranks.filter((_, index) => answers[index]).map(({ workerId }) => workerId);
}

/**
 * Resolves when every worker has acknowledged or is gone: its lease has ended and, after a restart of the control plane, it
 * has had `returnWindowMs` to register again.
 */
export async function stopUntilGone(
  options: StopOptions & { readonly returnWindowMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { ranks, registry, signal, returnWindowMs } = options;
  await Promise.all(
    ranks.map(async (placed) => {
      while (!(await isStopped(placed, options))) {
        signal.throwIfAborted();
        const mayReturn = registry.now < registry.returnDeadline(returnWindowMs);
        if (!registry.isAlive(placed.workerId) && !mayReturn) return;
        await delay(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }),
  );
}

const RETRY_MS = 250;

async function isStopped(placed: PlacedRank, options: StopOptions): Promise<boolean> {
  const { runId, fencingToken, reason, clients, registry } = options;
  const patience = registry.isAlive(placed.workerId)
    ? AbortSignal.any([AbortSignal.timeout(STOP_TIMEOUT_MS), registry.gone(placed.workerId)])
    : AbortSignal.timeout(LAST_TRY_MS);
  try {
    await clients.stop(placed.address, { runId, fencingToken: Number(fencingToken), reason }, patience);
    return true;
  } catch (error) {
    // Whoever has a newer token looks after this worker now.
    return error instanceof TriptychError && error.code === 'FENCED';
  }
}
