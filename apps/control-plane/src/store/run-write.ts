/**
 * One write to one run: a transaction that starts by proving ownership, which also locks the run's row, and that may
 * move the state, append events and release workers. What is written together is seen together.
 */
import {
  isTerminal,
  type RunEvent,
  type RunEventKind,
  type RunReason,
  type RunStatus,
  TriptychError,
  transition,
} from '@triptych/protocol';
import { json, type Transaction } from './database.ts';
import type { RunUpdateInput } from './generated/models.ts';
import type { RunRow } from './run-rows.ts';
import { storable, storableText } from './storable.ts';

export interface Move {
  readonly event: RunEventKind;
  readonly reason: RunReason;
  readonly message: string;
  /** Who asked for it; absent: the service itself. */
  readonly actor?: string | undefined;
  readonly detail?: Record<string, unknown>;
  readonly fields?: RunUpdateInput;
}

interface Told {
  readonly type: RunEvent['type'];
  readonly message: string;
  readonly actor?: string | undefined;
  readonly detail?: object;
  readonly fields?: RunUpdateInput;
}

export class RunWrite {
  readonly transaction: Transaction;
  #run: RunRow;

  private constructor(transaction: Transaction, run: RunRow) {
    this.transaction = transaction;
    this.#run = run;
  }

  /** Locks the run for its owner. `FENCED` where the token is not the newest, `NOT_FOUND` where there is no such run. */
  static async owned(transaction: Transaction, runId: string, fencingToken: bigint): Promise<RunWrite> {
    const [run] = await transaction.run.updateManyAndReturn({
      where: { id: runId, fencingToken },
      data: { fencingToken },
    });
    if (run) return new RunWrite(transaction, run);
    const newer = await transaction.run.findUnique({ where: { id: runId }, select: { fencingToken: true } });
    if (!newer) throw noSuchRun(runId);
    throw new TriptychError(
      'FENCED',
      `Run ${runId} has a newer owner (token ${newer.fencingToken}, this one has ${fencingToken}); stop writing to it`,
    );
  }

  /** Locks the run for someone who needs no token: a user. */
  static async unowned(transaction: Transaction, runId: string): Promise<RunWrite> {
    const [run] = await transaction.run.updateManyAndReturn({ where: { id: runId }, data: { id: runId } });
    if (!run) throw noSuchRun(runId);
    return new RunWrite(transaction, run);
  }

  get run(): RunRow {
    return this.#run;
  }

  get status(): RunStatus {
    return this.#run.status as RunStatus;
  }

  /** `ILLEGAL_STATE` where the run is over: nothing may be added to it any more. */
  assertAlive(what: string): void {
    if (isTerminal(this.status))
      throw new TriptychError(
        'ILLEGAL_STATE',
        `Run ${this.#run.id} is ${this.status}: ${what} comes too late`,
      );
  }

  /** Moves the state; where that ends the run, its workers are free and its time of end is set. */
  async move({ event, reason, message, actor, detail = {}, fields = {} }: Move): Promise<void> {
    const status = transition(this.status, event);
    if (!status)
      throw new TriptychError(
        'ILLEGAL_STATE',
        `Run ${this.#run.id} is ${this.status}: "${event}" is not legal there`,
      );
    const ends = isTerminal(status);
    if (ends) await this.#end(status);
    await this.tell({
      type: 'state',
      message,
      actor,
      detail,
      fields: { status, reason, message, ...(ends ? { finishedAt: new Date() } : {}), ...fields },
    });
  }

  /** The end of a run that nothing can be made of; from here on its owner, if it has one, is fenced. */
  async giveUp({ reason, message }: Pick<Move, 'reason' | 'message'>): Promise<void> {
    const fields = { fencingToken: { increment: 1 } };
    await this.move(
      this.status === 'CANCELLING'
        ? { event: 'cancelled', reason: 'CANCELLED_BY_USER', message: 'Cancelled', fields }
        : { event: 'fail', reason, message, fields },
    );
  }

  /** {@link giveUp} without an event. */
  async giveUpSilently({ reason, message }: Pick<Move, 'reason' | 'message'>): Promise<void> {
    const status = this.status === 'CANCELLING' ? 'CANCELLED' : 'FAILED';
    await this.#end(status);
    await this.update({
      ...{ status, reason, message },
      finishedAt: new Date(),
      fencingToken: { increment: 1 },
    });
  }

  async update(fields: RunUpdateInput): Promise<void> {
    this.#run = await this.transaction.run.update({ where: { id: this.#run.id }, data: storable(fields) });
  }

  /**
   * Writes `fields` to the run and appends an event that shows the run's state after it. Progress, which comes several times a
   * second for as long as a run lasts, is one event that moves on.
   */
  async tell({ type, message, actor, detail = {}, fields = {} }: Told): Promise<void> {
    await this.update({ ...fields, eventSequence: { increment: 1 } });
    const { id, status, reason, eventSequence } = this.#run;
    const { runEvent } = this.transaction;
    const told = {
      ...{ sequence: eventSequence, status, reason, message: storableText(message) },
      actor: actor ?? null,
      detail: json(storable(detail)),
    };
    if (type === 'progress') {
      const data = { ...told, at: new Date() };
      if ((await runEvent.updateMany({ where: { runId: id, type }, data })).count > 0) return;
    }
    await runEvent.create({ data: { runId: id, type, ...told } });
  }

  /** Its workers are free, and nobody goes on from its checkpoints. */
  async #end(status: RunStatus): Promise<void> {
    const { id: runId, attempt } = this.#run;
    if (attempt === 0) return;
    await this.release(status);
    await this.transaction.checkpoint.updateMany({ where: { runId }, data: { superseded: true } });
  }

  /** Frees the workers that the run holds and closes its attempt. */
  async release(outcome?: string): Promise<void> {
    const { id: runId, attempt } = this.#run;
    if (attempt === 0) return;
    const releasedAt = new Date();
    await this.transaction.assignment.updateMany({
      where: { runId, heldWorkerId: { not: null } },
      data: { heldWorkerId: null, releasedAt },
    });
    await this.transaction.attempt.updateMany({
      where: { runId, finishedAt: null },
      data: { finishedAt: releasedAt, ...(outcome === undefined ? {} : { outcome }) },
    });
  }
}

export const noSuchRun = (runId: string): TriptychError =>
  new TriptychError('NOT_FOUND', `There is no run ${runId}`);
