/**
 * One tenure's hand on the record: every write names its fencing token, follows the run's state, and outlives a database
 * that is away for a while (training goes on meanwhile, its events wait). What the record refuses again and again ends the run.
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
import { isOutage, outageReason } from '../store/outage.ts';
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

/** The record is there and does not take what is written, however often it is tried. */
export class RecordRefused extends TriptychError {
  constructor(what: string, cause: unknown) {
    super('INTERNAL', `The record does not take ${what}: ${briefly(cause)}`, { cause });
  }
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
    await this.#reach(target, `the state ${target}`, (runs) =>
      runs.transition(this.#runId, this.#token, change),
    );
  }

  /** True where the record has a newer owner: another process's word for it does not count. */
  async isReplaced(): Promise<boolean> {
    const { fencingToken } = await this.#persist('its owner', (runs) => runs.ownership(this.#runId));
    return fencingToken > this.#token;
  }

  async explain(why: Parameters<RunStore['explain']>[2]): Promise<void> {
    this.#follow(
      await this.#persist('the reason to wait', (runs) => runs.explain(this.#runId, this.#token, why)),
    );
  }

  async startGeneration(membership: Membership): Promise<void> {
    this.#follow(
      await this.#persist('the placement', (runs) =>
        runs.startGeneration(this.#runId, this.#token, membership),
      ),
    );
  }

  releaseAssignments(): Promise<void> {
    return this.#persist('the release of the workers', (runs) =>
      runs.releaseAssignments(this.#runId, this.#token),
    );
  }

  recordSteps(batch: StepBatch): Promise<void> {
    return this.#persist(stepsOf(batch), (runs) => runs.recordSteps(this.#runId, this.#token, batch));
  }

  recordCheckpoint(saved: Checkpoint & { lastSequence: number }): Promise<void> {
    return this.#persist(`the checkpoint of step ${saved.step}`, (runs) =>
      runs.recordCheckpoint(this.#runId, this.#token, saved),
    );
  }

  recordScores(scored: { scores: readonly Score[]; lastSequence: number }): Promise<void> {
    return this.#persist('scores', (runs) => runs.recordScores(this.#runId, this.#token, scored));
  }

  recordLog(message: string, line: Omit<LogLine, 'message'> = {}): Promise<void> {
    return this.#persist('a line of the log', (runs) =>
      runs.recordLog(this.#runId, this.#token, { message, ...line }),
    );
  }

  complete(outcome: Outcome): Promise<Run> {
    return this.#reach('SUCCEEDED', 'the trained model', (runs) =>
      runs.complete(this.#runId, this.#token, outcome),
    );
  }

  /** A write that leads to `target`. The try before may have been committed although its answer was lost: that counts. */
  async #reach(
    target: RunStatus | undefined,
    what: string,
    write: (runs: RunStore) => Promise<Run>,
  ): Promise<Run> {
    let tries = 0;
    const run = await this.#persist(what, async (runs) => {
      tries += 1;
      try {
        return await write(runs);
      } catch (error) {
        const now = tries > 1 && isIllegal(error) ? await runs.get(this.#runId) : undefined;
        if (now?.status !== target || now === undefined) throw error;
        return now;
      }
    });
    this.#follow(run);
    return run;
  }

  #follow(run: Run): void {
    this.#status = run.status;
  }

  /**
   * Coded errors are answers. A database that is away is waited for; what it refuses although it is there may be a conflict
   * that has passed a moment later, but is no reason to try for ever.
   */
  async #persist<T>(what: string, write: (runs: RunStore) => Promise<T>): Promise<T> {
    const { runs, logger, signal } = this.#options;
    let refusals = 0;
    for (let pauseMs = 100; ; pauseMs = Math.min(2000, pauseMs * 2)) {
      try {
        return await write(runs);
      } catch (error) {
        if (error instanceof TriptychError) throw error;
        signal.throwIfAborted();
        if (!isOutage(error)) refusals += 1;
        if (refusals === TRIES) throw new RecordRefused(what, error);
        const reason = isOutage(error) ? outageReason(error) : 'The record refused it';
        logger.warn({ event: 'write-failed', err: error }, `${reason}. ${what} waits and is tried again`);
      }
      await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

const TRIES = 3;

/** Prisma explains itself over many lines; the last one says what was wrong. */
function briefly(cause: unknown): string {
  const lines = (cause instanceof Error ? cause.message : String(cause)).trim().split('\n');
  return (lines.at(-1) ?? '').trim().slice(0, 300);
}

function stepsOf({ steps }: StepBatch): string {
  const [first, last] = [steps[0]?.step, steps.at(-1)?.step];
  return first === last ? `step ${first}` : `steps ${first} to ${last}`;
}

const isIllegal = (error: unknown): boolean =>
  error instanceof TriptychError && error.code === 'ILLEGAL_STATE';
