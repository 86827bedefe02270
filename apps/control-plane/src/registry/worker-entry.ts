/** What the registry knows of one worker, and the state that follows from it. */
import type { Backend, control, WorkerState } from '@triptych/protocol';

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
  /** Unix milliseconds. */
  leaseExpiresAt: number;
  /** When the lease was last written down. */
  writtenAt: number;
  /** The run that a supervisor here has reserved it for. */
  reservedBy: string | undefined;
  /** Who has borrowed it for something short that is no run. */
  lentTo: object | undefined;
  /** The run that was last released here: what the worker still says of it is old news. */
  settled: string | undefined;
  /** A call to it failed; it is not placed until it is heard of again. */
  suspect: boolean;
  /** Aborted when the worker is lost, has left or was replaced. */
  readonly gone: AbortController;
}

export function stateOf(entry: WorkerEntry, now: number): WorkerState {
  if (entry.suspect || entry.leaseExpiresAt <= now) return 'lost';
  if (entry.condition.draining) return 'draining';
  const isTaken = entry.reservedBy !== undefined || entry.lentTo !== undefined;
  return isTaken || foreignRuns(entry).length > 0 ? 'busy' : 'idle';
}

/** What the worker says it trains for runs that nobody here has reserved it for. */
export const foreignRuns = (entry: WorkerEntry): readonly control.Assignment[] =>
  entry.condition.assignments.filter(({ runId }) => runId !== entry.reservedBy && runId !== entry.settled);
