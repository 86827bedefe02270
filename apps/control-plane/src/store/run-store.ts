/**
 * The record of runs as their supervisors write it. Reading for the REST API is run-history's and run-list's business.
 *
 * Ownership: {@link RunStore.acquire} hands out a fencing token; every later write names it, and a write with an older
 * token rejects with `FENCED`. A change that the state machine does not know rejects with `ILLEGAL_STATE`. Every state
 * change and the event that tells of it are one transaction, after which the notifier wakes whoever waits on that run.
 */
import type {
  Backend,
  Checkpoint,
  ErrorCode,
  Numerics,
  Progress,
  ResolvedRunSpec,
  Run,
  RunEvent,
  RunEventKind,
  RunReason,
  RunStatus,
  Score,
  StepMetric,
} from '@triptych/protocol';
import type { Act } from './audit-log.ts';

export interface RunStore {
  /**
   * Becomes the owner of a run: bumps its fencing token and answers with all that is needed to start it or to
   * re-attach to its live generation. `undefined` where the run is over; `NOT_FOUND` where there is none; `INVALID_INPUT`
   * where what is on record of the run cannot be worked with.
   */
  acquire(runId: string): Promise<Tenure | undefined>;

  /** Moves the run by one legal event of the state machine and releases its workers where it ends. */
  transition(runId: string, fencingToken: bigint, change: StateChange): Promise<Run>;

  /** Changes reason and message without a state change; an event is written only where one of them differs. */
  explain(runId: string, fencingToken: bigint, why: { reason: RunReason; message: string }): Promise<Run>;

  /**
   * Records a membership, releasing the one before it, in one transaction. `ILLEGAL_STATE` where a worker is held by
   * another run or unknown. Resets `lastSequence` to 0. `attempt` and `generation` also appear on the run.
   */
  startGeneration(runId: string, fencingToken: bigint, membership: Membership): Promise<Run>;

  /** Frees the workers of the run. Harmless where none is held. */
  releaseAssignments(runId: string, fencingToken: bigint): Promise<void>;

  /** Step metrics (a step that is there already is replaced), the progress they add up to, and one progress event. */
  recordSteps(runId: string, fencingToken: bigint, batch: StepBatch): Promise<void>;

  /** The same checkpoint twice is recorded once; `NOT_DETERMINISTIC` where the same step has another one. */
  recordCheckpoint(runId: string, fencingToken: bigint, saved: Sequenced<Checkpoint>): Promise<void>;

  /** A score of the same task, metric and stage is replaced. */
  recordScores(
    runId: string,
    fencingToken: bigint,
    scored: { scores: readonly Score[]; lastSequence?: number },
  ): Promise<void>;

  /** A line of the run's story that is no state change (a recovery, a corrupt checkpoint that was passed over). */
  recordLog(runId: string, fencingToken: bigint, line: LogLine): Promise<void>;

  /**
   * FINALIZING to SUCCEEDED: scores, the model row, the weights, the release of the workers and the last event, all or nothing,
   * after every file of the model was read back. `NOT_FOUND` or `ARTIFACT_CORRUPT` where one is not as its list says.
   */
  complete(runId: string, fencingToken: bigint, outcome: Outcome): Promise<Run>;

  /**
   * A user's wish; needs no token. A run that nobody works on (QUEUED, BACKOFF) is CANCELLED at once, a live one becomes
   * CANCELLING, which its supervisor hears of through the notifier (and sees in every write: ILLEGAL_STATE). Harmless
   * where the run is being cancelled or is cancelled; `ILLEGAL_STATE` where it has ended otherwise. `act` goes into the
   * audit where something was changed.
   */
  requestCancel(runId: string, act?: Act): Promise<Run>;

  /**
   * An operator's wish: the run may go on with workers that compute otherwise than those of its attempts so far, and its story
   * says so. `ILLEGAL_STATE` where it does not wait for workers, or is not bound to any.
   */
  acceptOtherNumerics(runId: string, act?: Act): Promise<Run>;

  /**
   * Ends a run that nothing can be made of (its record cannot be read, or takes nothing more) as FAILED, whoever owns it:
   * with its story where that can be written, without where it cannot. A run that is being cancelled is CANCELLED; harmless
   * where it is over.
   */
  giveUp(runId: string, why: { reason: RunReason; message: string }): Promise<void>;

  /** `NOT_FOUND` where there is no such run. */
  get(runId: string): Promise<Run>;

  /** The id of the run with this id or, where there is none, this name. `NOT_FOUND` where there is neither. */
  idOf(idOrName: string): Promise<string>;

  /** The state alone, for a supervisor that polls: the notifier reaches only its own process. */
  statusOf(runId: string): Promise<RunStatus>;

  /** Whose the run is and where it is at work, for somebody who does not own it. `NOT_FOUND` where there is no such run. */
  ownership(runId: string): Promise<Ownership>;

  /** Every run that is not over, most urgent first: what the queue must hold a job for. */
  listUnfinished(): Promise<UnfinishedRun[]>;
}

export interface PlacedRank {
  readonly rank: number;
  readonly workerId: string;
  /** host:port of the worker's own gRPC server. */
  readonly address: string;
}

export interface Ownership {
  readonly status: RunStatus;
  /** Of the newest owner. */
  readonly fencingToken: bigint;
  /** Workers that the run holds. */
  readonly workerIds: readonly string[];
  /** How its workers must compute; absent: as they like, or not known. */
  readonly numerics?: Numerics;
}

/** A run and the right to write to it. */
export interface Tenure {
  readonly run: Run;
  readonly fencingToken: bigint;
  readonly spec: ResolvedRunSpec;
  /** sha256 of the dataset's manifest. */
  readonly datasetManifests: readonly string[];
  /** sha256 of the base model's file list; absent: the preset that the spec names. */
  readonly modelArtifact?: string;
  /** sha256 of the file lists of the models that towers come from, by tower. */
  readonly towerArtifacts?: Readonly<Record<string, string>>;
  readonly attempt: number;
  readonly generation: number;
  /** The live generation's ranks in order; empty where no worker is held. */
  readonly assignments: readonly PlacedRank[];
  /** The last event of rank 0 of the live generation that was recorded: re-attach after it. */
  readonly lastSequence: number;
  /** The newest checkpoint, where there is one. */
  readonly checkpoint?: Checkpoint;
  /** Those that were not superseded, newest first: what to fall back to where the newest is corrupt. */
  readonly checkpoints: readonly Checkpoint[];
  /** Of the attempts so far; absent before the first. */
  readonly backend?: Backend;
  /** Likewise; absent also where nothing is known of it, and where an operator let go of it. */
  readonly numerics?: Numerics;
  /** How the generations so far failed, oldest first. */
  readonly failures: readonly PastFailure[];
  /** sha256 of checkpoints that could not be read. */
  readonly distrusted: readonly string[];
}

export interface PastFailure {
  readonly code: ErrorCode;
  /** The last step that the generation had committed; 0 where none was. */
  readonly step: number;
}

export interface StateChange {
  readonly event: RunEventKind;
  readonly reason: RunReason;
  readonly message: string;
  readonly fields?: {
    readonly attempt?: number;
    readonly generation?: number;
    readonly worldSize?: number;
    readonly startedAt?: Date;
    readonly finishedAt?: Date;
  };
  /** Goes into the event as its data. */
  readonly detail?: Record<string, unknown>;
}

export interface Membership {
  readonly attempt: number;
  readonly generation: number;
  readonly assignments: readonly PlacedRank[];
  /** That all its workers have. */
  readonly backend?: Backend;
  /** How all its workers compute. */
  readonly numerics?: Numerics;
}

export interface StepBatch {
  readonly steps: readonly StepMetric[];
  readonly progress: Progress;
  /** Sequence of rank 0's newest event in the batch. */
  readonly lastSequence: number;
}

export type Sequenced<T> = T & { readonly lastSequence?: number };

export type LogLine = Sequenced<{
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}>;

export interface Outcome {
  /** sha256 of the file list of the trained model. */
  readonly modelArtifact: string;
  readonly weights: { readonly sha256: string; readonly bytes: number };
  readonly message?: string;
  /** Scores that were not recorded yet. */
  readonly scores?: readonly Score[];
}

export interface UnfinishedRun {
  readonly id: string;
  readonly status: RunStatus;
  readonly priority: number;
  readonly createdAt: Date;
  /** It may be placed only on workers that compute as those of its attempts so far. */
  readonly isBound: boolean;
}

export type { RunEvent };
