/** What the registry knows of one worker, and the state that follows from it. */
import type { Backend, control, Numerics, WorkerState } from '@triptych/protocol';
import type { Blame } from './blame.ts';

export interface WorkerIdentity {
  readonly id: string;
  /** host:port of the worker's own gRPC server. */
  readonly address: string;
  readonly pool: string;
  readonly backend: Backend;
  readonly device: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly version: string;
  readonly numerics: Numerics;
}

export interface WorkerCondition {
  readonly memoryUsedBytes: number;
  readonly eventLoopLagMs: number;
  readonly draining: boolean;
  /** What the worker says it trains. */
  readonly assignments: readonly control.Assignment[];
}

export interface WorkerEntry {
  readonly identity: WorkerIdentity;
  condition: WorkerCondition;
  /** Milliseconds of the registry's clock. */
  leaseExpiresAt: number;
  /** When the lease was last written down. */
  writtenAt: number;
  /** The run that a supervisor here has reserved it for. */
  reservedBy: string | undefined;
  /** Who has borrowed it for something short that is no run. */
  lentTo: object | undefined;
  /** The training that it was last told to end. */
  ended: EndedTraining | undefined;
  readonly blame: Blame;
  /** Aborted when the worker is lost, has left or was replaced. */
  readonly gone: AbortController;
}

/** An attempt of a run on a worker. */
export interface Training {
  readonly runId: string;
  readonly attempt: number;
}

export interface EndedTraining extends Training {
  /** False where the worker did not answer: it may have heard, may be training, and cannot be reached. */
  readonly acknowledged: boolean;
}

/**
 * The one state of a worker, for placement, the API and metrics. What is *held* here is compared with what the worker
 * *reports*: it is idle only where both are nothing.
 */
export function workerState(entry: Omit<WorkerEntry, 'identity' | 'gone'>, now: number): WorkerState {
  const isOutOfReach = entry.ended?.acknowledged === false;
  if (isOutOfReach || entry.leaseExpiresAt <= now) return 'lost';
  if (entry.condition.draining) return 'draining';
  const isTaken = entry.reservedBy !== undefined || entry.lentTo !== undefined;
  return isTaken || straysOf(entry).length > 0 ? 'busy' : 'idle';
}

/**
 * Trainings that the worker has, or may have, and that nobody here has reserved it for. Unless their run holds it by its record,
 * they must be ended before anybody can use the worker.
 */
export function straysOf({
  condition,
  reservedBy,
  ended,
}: Pick<WorkerEntry, 'condition' | 'reservedBy' | 'ended'>): readonly Training[] {
  const reported = condition.assignments.filter(
    (training) => training.runId !== reservedBy && !(ended?.acknowledged && isWithin(ended, training)),
  );
  const isOwed = ended?.acknowledged === false && !reported.some(({ runId }) => runId === ended.runId);
  return isOwed ? [...reported, ended] : reported;
}

/** What the worker still says of a training that it has ended is old news; of a later attempt it is not. */
const isWithin = (ended: Training, { runId, attempt }: Training): boolean =>
  runId === ended.runId && attempt <= ended.attempt;
