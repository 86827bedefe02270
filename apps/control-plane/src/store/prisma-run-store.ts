/** {@link RunStore} on Postgres. Each method is one transaction; the notifier is woken after it has been committed. */
import { presets } from '@triptych/models/catalog';
import {
  type Backend,
  type Checkpoint,
  isTerminal,
  liveStatuses,
  type Numerics,
  type Run,
  type RunReason,
  type RunStatus,
  type Score,
  TriptychError,
} from '@triptych/protocol';
import { type Act, recordAct } from './audit-log.ts';
import type { Database, Transaction } from './database.ts';
import { newId } from './identifier.ts';
import { assertTerm, type TermInForce } from './leader-record.ts';
import type { ModelDescription } from './model-store.ts';
import { isOutage } from './outage.ts';
import { queuePositions } from './queue-position.ts';
import { membershipError, writeMembership } from './run-membership.ts';
import type { RunNotifier } from './run-notifier.ts';
import { writeOtherNumerics } from './run-numerics.ts';
import type { RunObserver } from './run-observer.ts';
import { nothingPast, readPast } from './run-past.ts';
import { writeCheckpoint, writeLog, writeScores, writeSteps } from './run-reports.ts';
import { assertReadable, checkpointOf, type RunRow, runOf, runRelations } from './run-rows.ts';
import type {
  LogLine,
  Membership,
  Outcome,
  Ownership,
  RunStore,
  Sequenced,
  StateChange,
  StepBatch,
  Tenure,
  UnfinishedRun,
} from './run-store.ts';
import { noSuchRun, RunWrite } from './run-write.ts';

export interface RunStoreOptions {
  readonly database: Database;
  readonly notifier: RunNotifier;
  /** Reads what a trained model's row needs from its artifact; called before the transaction. */
  readonly describeModel: (artifact: string) => Promise<ModelDescription>;
  readonly observer?: RunObserver;
  /** Of the leader that owns runs through this store: what it writes after its term is refused, and counted. */
  readonly term?: TermInForce;
}

export class PrismaRunStore implements RunStore {
  readonly #options: RunStoreOptions;

  constructor(options: RunStoreOptions) {
    this.#options = options;
  }

  async acquire(runId: string): Promise<Tenure | undefined> {
    const [owned] = await this.#inTerm((transaction) =>
      transaction.run.updateManyAndReturn({
        where: { id: runId, status: { in: [...liveStatuses] } },
        data: { fencingToken: { increment: 1 } },
      }),
    );
    if (!owned) {
      await this.statusOf(runId);
      return undefined;
    }
    assertReadable(owned);
    // Read after the update: whatever a newer owner writes in between, this token is fenced by then.
    const [run, dataset, held, saved, past] = await Promise.all([
      this.#shown(owned),
      this.#client.dataset.findUniqueOrThrow({ where: { id: owned.datasetId }, select: { manifest: true } }),
      neverPlaced(owned)
        ? []
        : this.#client.assignment.findMany({
            where: { runId, heldWorkerId: { not: null } },
            orderBy: { rank: 'asc' },
          }),
      neverPlaced(owned)
        ? []
        : this.#client.checkpoint.findMany({
            where: { runId, superseded: false },
            orderBy: { step: 'desc' },
          }),
      neverPlaced(owned) ? nothingPast : readPast(this.#client, runId),
    ]);
    const checkpoints = saved.map(checkpointOf);
    return {
      run,
      fencingToken: owned.fencingToken,
      spec: run.spec,
      // Runs train on what is READY, which has one.
      datasetManifests: (owned.datasetManifests as string[] | null) ?? [dataset.manifest!],
      ...(owned.baseArtifact === null ? {} : { modelArtifact: owned.baseArtifact }),
      ...(owned.towerArtifacts === null
        ? {}
        : { towerArtifacts: owned.towerArtifacts as Record<string, string> }),
      attempt: owned.attempt,
      generation: owned.generation,
      assignments: held.map(({ rank, workerId, address }) => ({ rank, workerId, address })),
      lastSequence: Number(owned.workerSequence),
      ...(checkpoints[0] ? { checkpoint: checkpoints[0] } : {}),
      checkpoints,
      ...(owned.backend === null ? {} : { backend: owned.backend as Backend }),
      ...(owned.numerics === null ? {} : { numerics: owned.numerics as Numerics }),
      ...past,
    };
  }

  async transition(runId: string, fencingToken: bigint, change: StateChange): Promise<Run> {
    const { row } = await this.#write(runId, fencingToken, (write) => write.move(change));
    return this.#shown(row);
  }

  async explain(
    runId: string,
    fencingToken: bigint,
    why: { reason: RunReason; message: string },
  ): Promise<Run> {
    const { row } = await this.#write(runId, fencingToken, async (write) => {
      write.assertAlive('a new reason');
      if (write.run.reason === why.reason && write.run.message === why.message) return;
      await write.tell({ type: 'state', message: why.message, fields: why });
    });
    return this.#shown(row);
  }

  async startGeneration(runId: string, fencingToken: bigint, membership: Membership): Promise<Run> {
    try {
      const { row } = await this.#write(runId, fencingToken, (write) => writeMembership(write, membership));
      return await this.#shown(row);
    } catch (cause) {
      throw membershipError(cause, runId, membership);
    }
  }

  async releaseAssignments(runId: string, fencingToken: bigint): Promise<void> {
    await this.#write(runId, fencingToken, (write) => write.release());
  }

  async recordSteps(runId: string, fencingToken: bigint, batch: StepBatch): Promise<void> {
    const { result } = await this.#write(runId, fencingToken, (write) => writeSteps(write, batch));
    this.#options.observer?.stepped({ runId, steps: batch.steps, ...result });
  }

  async recordCheckpoint(runId: string, fencingToken: bigint, saved: Sequenced<Checkpoint>): Promise<void> {
    await this.#write(runId, fencingToken, (write) => writeCheckpoint(write, saved));
  }

  async recordScores(
    runId: string,
    fencingToken: bigint,
    scored: { scores: readonly Score[]; lastSequence?: number },
  ): Promise<void> {
    await this.#write(runId, fencingToken, (write) => writeScores(write, scored));
  }

  async recordLog(runId: string, fencingToken: bigint, line: LogLine): Promise<void> {
    await this.#write(runId, fencingToken, (write) => writeLog(write, line));
  }

  async complete(runId: string, fencingToken: bigint, outcome: Outcome): Promise<Run> {
    const { modelArtifact, weights, scores = [], message = 'Finished' } = outcome;
    const description = await this.#options.describeModel(modelArtifact);
    const weightFields = { weightsSha256: weights.sha256, weightsBytes: BigInt(weights.bytes) };
    const { row } = await this.#write(runId, fencingToken, async (write) => {
      await writeScores(write, { scores });
      const { model } = write.transaction;
      const wanted = write.run.name ?? runId;
      const { id: modelId } = await model.create({
        data: {
          id: newId('model'),
          name: await freeModelName(write.transaction, [wanted, runId]),
          kind: 'trained',
          description: `${write.run.modelName} trained by run ${wanted}`,
          artifact: modelArtifact,
          runId,
          ...weightFields,
          ...description,
        },
        select: { id: true },
      });
      const detail = { modelId, weights };
      await write.move({ event: 'succeed', reason: 'COMPLETED', message, detail, fields: weightFields });
    });
    return this.#shown(row);
  }

  async requestCancel(runId: string, act?: Act): Promise<Run> {
    const { from, row } = await this.#client.$transaction(async (transaction) => {
      const write = await RunWrite.unowned(transaction, runId);
      const { status } = write;
      if (write.status === 'CANCELLING' || write.status === 'CANCELLED')
        return { from: undefined, row: write.run };
      if (isTerminal(write.status))
        throw new TriptychError(
          'ILLEGAL_STATE',
          `Run ${runId} is ${write.status}; only a run that is not over can be cancelled`,
        );
      const idle = write.status === 'QUEUED' || write.status === 'BACKOFF';
      if (write.status !== 'QUEUED')
        await write.move({
          event: 'cancel',
          reason: 'CANCEL_REQUESTED',
          actor: act?.actor,
          message: 'Cancelling: stopping the workers',
        });
      if (idle)
        await write.move({
          event: 'cancelled',
          reason: 'CANCELLED_BY_USER',
          actor: act?.actor,
          message: 'Cancelled before it started',
        });
      await recordAct(transaction, act, runId);
      return { from: status, row: write.run };
    });
    const run = await this.#shown(row);
    if (from) this.#options.observer?.moved({ run, from });
    this.#options.notifier.wake(runId);
    return run;
  }

  async acceptOtherNumerics(runId: string, act?: Act): Promise<Run> {
    const row = await this.#client.$transaction(async (transaction) => {
      const write = await RunWrite.unowned(transaction, runId);
      await writeOtherNumerics(write, act?.actor);
      await recordAct(transaction, act, runId);
      return write.run;
    });
    this.#options.notifier.wake(runId);
    return this.#shown(row);
  }

  async giveUp(runId: string, why: { reason: RunReason; message: string }): Promise<void> {
    try {
      await this.#giveUp(runId, (write) => write.giveUp(why));
    } catch (error) {
      if (error instanceof TriptychError || isOutage(error)) throw error;
      // What keeps being refused may be the story itself; the state and the workers must not depend on it.
      await this.#giveUp(runId, (write) => write.giveUpSilently(why));
    }
  }

  async get(runId: string): Promise<Run> {
    const row = await this.#client.run.findUnique({ where: { id: runId } });
    if (!row) throw noSuchRun(runId);
    const positions = row.status === 'QUEUED' ? await queuePositions(this.#client, [runId]) : undefined;
    return this.#shown(row, positions?.get(runId));
  }

  async idOf(idOrName: string): Promise<string> {
    const found = await this.#client.run.findMany({
      where: { OR: [{ id: idOrName }, { name: idOrName }] },
      select: { id: true },
    });
    const run = found.find(({ id }) => id === idOrName) ?? found[0];
    if (!run) throw noSuchRun(idOrName);
    return run.id;
  }

  async statusOf(runId: string): Promise<RunStatus> {
    const run = await this.#client.run.findUnique({ where: { id: runId }, select: { status: true } });
    if (!run) throw noSuchRun(runId);
    return run.status as RunStatus;
  }

  async ownership(runId: string): Promise<Ownership> {
    const run = await this.#client.run.findUnique({
      where: { id: runId },
      select: {
        status: true,
        fencingToken: true,
        numerics: true,
        assignments: { where: { heldWorkerId: { not: null } }, select: { workerId: true } },
      },
    });
    if (!run) throw noSuchRun(runId);
    const { status, fencingToken, numerics, assignments } = run;
    return {
      status: status as RunStatus,
      fencingToken,
      workerIds: assignments.map(({ workerId }) => workerId),
      ...(numerics === null ? {} : { numerics: numerics as Numerics }),
    };
  }

  async listUnfinished(): Promise<UnfinishedRun[]> {
    const rows = await this.#client.run.findMany({
      where: { status: { in: [...liveStatuses] } },
      orderBy: [{ priority: 'asc' }, { createdAt: 'asc' }, { id: 'asc' }],
      select: { id: true, status: true, priority: true, createdAt: true, numerics: true },
    });
    return rows.map(({ numerics, ...row }) => ({
      ...row,
      status: row.status as RunStatus,
      isBound: numerics !== null,
    }));
  }

  get #client() {
    return this.#options.database.client;
  }

  /** One transaction by the owner: what it made, and the run's row after it. */
  async #write<T>(
    runId: string,
    fencingToken: bigint,
    change: (write: RunWrite) => Promise<T>,
  ): Promise<{ result: T; row: RunRow }> {
    const { notifier, observer, term } = this.#options;
    try {
      term?.assertHeld();
      const { result, from, row } = await this.#client.$transaction(async (transaction) => {
        const write = await RunWrite.owned(transaction, runId, fencingToken);
        const { status } = write;
        const result = await change(write);
        return { result, from: status, row: write.run };
      });
      notifier.wake(runId);
      if (row.status !== from) observer?.moved({ run: await this.#shown(row), from });
      return { result, row };
    } catch (error) {
      if (isStale(error)) observer?.fenced();
      throw error;
    }
  }

  /** What no fencing token guards: only in the term of the leader that asks for it. */
  async #inTerm<T>(change: (transaction: Transaction) => Promise<T>): Promise<T> {
    const { term, observer } = this.#options;
    try {
      return await this.#client.$transaction(async (transaction) => {
        if (term) await assertTerm(transaction, term);
        return change(transaction);
      });
    } catch (error) {
      if (isStale(error)) observer?.fenced();
      throw error;
    }
  }

  async #giveUp(runId: string, end: (write: RunWrite) => Promise<void>): Promise<void> {
    const { notifier, observer } = this.#options;
    const { from, row } = await this.#inTerm(async (transaction) => {
      const write = await RunWrite.unowned(transaction, runId);
      const from = write.status;
      if (!isTerminal(from)) await end(write);
      return { from, row: write.run };
    });
    notifier.wake(runId);
    if (row.status !== from) observer?.moved({ run: await this.#shown(row), from });
  }

  async #shown(row: RunRow, queuePosition?: number): Promise<Run> {
    const runId = row.id;
    const [scores, model] = neverPlaced(row)
      ? [[], null]
      : await Promise.all([
          this.#client.score.findMany({
            ...runRelations.scores,
            where: { runId, ...runRelations.scores.where },
          }),
          this.#client.model.findUnique({ where: { runId }, ...runRelations.model }),
        ]);
    return runOf({ ...row, scores, model }, queuePosition);
  }
}

/** A name for a trained model that nobody has yet: others may have taken the run's own while it trained, and even its id. */
async function freeModelName({ model }: Transaction, wanted: readonly string[]): Promise<string> {
  const last = wanted.at(-1) as string;
  for (let count = 0; ; count++) {
    const name = wanted[count] ?? `${last}-${count}`;
    if (!presets.has(name) && (await model.count({ where: { name } })) === 0) return name;
  }
}

/** Of an owner that is not the newest, or a leader whose term is over. */
const isStale = (error: unknown): boolean =>
  error instanceof TriptychError && (error.code === 'FENCED' || error.code === 'NOT_LEADER');

/** Nothing else can be on record of such a run, and hundreds of them may wait: what is not there is not asked for. */
const neverPlaced = ({ attempt }: RunRow): boolean => attempt === 0;
