/** Ending a generation's work on its workers. */
import { setTimeout as delay } from 'node:timers/promises';
import { TriptychError } from '@triptych/protocol';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import type { PlacedRank } from '../store/run-store.ts';
import type { TrainerClients } from './trainer-clients.ts';

export interface StopOptions {
  readonly ranks: readonly PlacedRank[];
  readonly runId: string;
  readonly attempt: number;
  readonly fencingToken: bigint;
  readonly reason: string;
  readonly clients: TrainerClients;
  readonly registry: WorkerRegistry;
}

/** Ids of workers. */
export interface StoppedRanks {
  /** They have acknowledged. */
  readonly free: readonly string[];
  /** They may have heard it or not. */
  readonly silent: readonly string[];
}

/** For what nobody will ever own again, by the record: it takes nothing from anybody, and no worker can refuse it. */
export const HIGHEST_TOKEN = BigInt(Number.MAX_SAFE_INTEGER);

/** How long a worker may take to leave its compute thread in order. */
const STOP_TIMEOUT_MS = 10_000;
/** For a worker that has lost its lease: it may answer, nobody waits for it. */
const LAST_TRY_MS = 1000;

/** Asks every worker once. */
export async function stopRanks(options: StopOptions): Promise<StoppedRanks> {
  return sorted(options.ranks, await Promise.all(options.ranks.map((placed) => isStopped(placed, options))));
}

export interface PersistentStopOptions extends StopOptions {
  /** How long a worker has to register again after a restart of the control plane. */
  readonly returnWindowMs: number;
  /** How long workers train on without a supervisor. */
  readonly reattachMs: number;
  readonly signal: AbortSignal;
}

/**
 * Resolves when every worker has acknowledged, or is gone: its lease has ended and it has had the time to register again; or,
 * where it can report but not be reached, when it has stopped by itself.
 */
export async function stopUntilGone(options: PersistentStopOptions): Promise<StoppedRanks> {
  const { ranks, registry, signal, returnWindowMs, reattachMs } = options;
  const alone = AbortSignal.timeout(reattachMs + STOP_TIMEOUT_MS);
  const answers = await Promise.all(
    ranks.map(async (placed) => {
      while (!(await isStopped(placed, options))) {
        signal.throwIfAborted();
        const mayReturn = registry.leftToReturn(returnWindowMs) > 0;
        if (alone.aborted || (!registry.isAlive(placed.workerId) && !mayReturn)) return false;
        await delay(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
      return true;
    }),
  );
  return sorted(ranks, answers);
}

function sorted(ranks: readonly PlacedRank[], answers: readonly boolean[]): StoppedRanks {
  const idsOf = (wanted: boolean) =>
    ranks.filter((_, index) => answers[index] === wanted).map(({ workerId }) => workerId);
  return { free: idsOf(true), silent: idsOf(false) };
}

const RETRY_MS = 250;

async function isStopped(placed: PlacedRank, options: StopOptions): Promise<boolean> {
  const { runId, attempt, fencingToken, reason, clients, registry } = options;
  const patience = registry.isAlive(placed.workerId)
    ? AbortSignal.any([AbortSignal.timeout(STOP_TIMEOUT_MS), registry.gone(placed.workerId)])
    : AbortSignal.timeout(LAST_TRY_MS);
  try {
    const request = { runId, attempt, fencingToken: Number(fencingToken), reason };
    await clients.stop(placed.workerId, request, patience);
    return true;
  } catch (error) {
    // Also where the worker knows of a newer owner: if there is one, the record says so in the next write.
    if (error instanceof TriptychError) return false;
    throw error;
  }
}
