/**
 * One tenure's hand on the record: every write names its fencing token, follows the run's state, and outlives a database
 * that is away for a while (training goes on meanwhile, its events wait).
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Checkpoint,
  type Run,
  type RunStatus,
  type Score,
  TriptychError,
  transition,
} from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type {
  LogLine,
  Membership,
  Outcome,
  RunStore,
  StateChange,
  StepBatch,
  Tenure,
} from '../store/run-store.ts';

export interface RunWriterOptions {
  readonly runs: RunStore;
  readonly tenure: Tenure;
  readonly logger: Logger;
  /** Ends the waiting for a database that is away; the life of the delivery. */
  readonly signal: AbortSignal;
}

export class RunWriter {
  readonly #options: RunWriterOptions;
  readonly #runId: string;
  readonly #token: bigint;
  #status: RunStatus;

  constructor(options: RunWriterOptions) {
    this.#options = options;
    this.#runId = options.tenure.run.id;
    this.#token = options.tenure.fencingToken;
    this.#status = options.tenure.run.status;
  }

  /** As of the last write. Others may have cancelled the run since; the next write would tell. */
  get status(): RunStatus {
    return this.#status;
  }

  /** @throws TriptychError `FENCED`, or `ILLEGAL_STATE` where somebody else moved the run. */
  async move(change: StateChange): Promise<void> {
    const target = transition(this.#status, change.event);
    let attempts = 0;
    this.#follow(
      await this.#persist(async (runs) => {
        attempts += 1;
        try {
          return await runs.transition(this.#runId, this.#token, change);
        } catch (error) {
          // The attempt before may have been committed although its answer was lost.
          const run = attempts > 1 && isIllegal(error) ? await runs.get(this.#runId) : undefined;
          if (run?.status !== target || run === undefined) throw error;
          return run;
        }
      }),
    );
  }

  /** True where the record has a newer owner: another process's word for it does not count. */
  async isReplaced(): Promise<boolean> {
    const { fencingToken } = await this.#persist((runs) => runs.ownership(this.#runId));
    return fencingToken > this.#token;
  }

  async explain(why: Parameters<RunStore['explain']>[2]): Promise<void> {
    this.#follow(await this.#persist((runs) => runs.explain(this.#runId, this.#token, why)));
  }

  async startGeneration(membership: Membership): Promise<void> {
    this.#follow(await this.#persist((runs) => runs.startGeneration(this.#runId, this.#token, membership)));
  }

  releaseAssignments(): Promise<void> {
    return this.#persist((runs) => runs.releaseAssignments(this.#runId, this.#token));
  }

  recordSteps(batch: StepBatch): Promise<void> {
    return this.#persist((runs) => runs.recordSteps(this.#runId, this.#token, batch));
  }

  recordCheckpoint(saved: Checkpoint & { lastSequence: number }): Promise<void> {
    return this.#persist((runs) => runs.recordCheckpoint(this.#runId, this.#token, saved));
  }

  recordScores(scored: { scores: readonly Score[]; lastSequence: number }): Promise<void> {
    return this.#persist((runs) => runs.recordScores(this.#runId, this.#token, scored));
  }

  recordLog(message: string, line: Omit<LogLine, 'message'> = {}): Promise<void> {
    return this.#persist((runs) => runs.recordLog(this.#runId, this.#token, { message, ...line }));
  }

  async complete(outcome: Outcome): Promise<Run> {
    const run = await this.#persist((runs) => runs.complete(this.#runId, this.#token, outcome));
    this.#follow(run);
    return run;
  }

  #follow(run: Run): void {
    this.#status = run.status;
  }

  /** Coded errors are answers; anything else is a database that is away, and is tried again. */
  async #persist<T>(write: (runs: RunStore) => Promise<T>): Promise<T> {
    const { runs, logger, signal } = this.#options;
    for (let pauseMs = 100; ; pauseMs = Math.min(2000, pauseMs * 2)) {
      try {
        return await write(runs);
      } catch (error) {
        if (error instanceof TriptychError) throw error;
        signal.throwIfAborted();
        logger.warn({ event: 'write-failed', err: error }, 'The run could not be written; trying again');
      }
      await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

const isIllegal = (error: unknown): boolean =>
  error instanceof TriptychError && error.code === 'ILLEGAL_STATE';
