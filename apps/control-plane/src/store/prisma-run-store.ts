/** {@link RunStore} on Postgres. Each method is one transaction; the notifier is woken after it has been committed. */
import {
  isTerminal,
  type Run,
  type RunReason,
  type RunStatus,
  runStatuses,
  type Score,
  TriptychError,
} from '@triptych/protocol';
import { type Database, isDangling, isDuplicate, type Transaction } from './database.ts';
import { newId } from './identifier.ts';
import type { ModelDescription } from './model-store.ts';
import { queuePositions } from './queue-position.ts';
import type { RunNotifier } from './run-notifier.ts';
import { checkpointOf, runOf, runRelations, stepMetricRow } from './run-rows.ts';
import type {
  Membership,
  Outcome,
  RunStore,
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
  /** Called for every write that was refused because its owner is not the newest. */
  readonly onFenced?: () => void;
}

const unfinished = runStatuses.filter((status) => !isTerminal(status));

export class PrismaRunStore implements RunStore {
  readonly #options: RunStoreOptions;

  constructor(options: RunStoreOptions) {
    this.#options = options;
  }

  async acquire(runId: string): Promise<Tenure | undefined> {
    const [owned] = await this.#client.run.updateManyAndReturn({
      where: { id: runId, status: { in: unfinished } },
      data: { fencingToken: { increment: 1 } },
      select: { fencingToken: true },
    });
    // Read after the transaction: whatever a newer owner wrote in between, this token is fenced by then.
    const run = await this.#client.run.findUnique({
      where: { id: runId },
      include: {
        ...runRelations,
        dataset: { select: { manifest: true } },
        assignments: { where: { heldWorkerId: { not: null } }, orderBy: { rank: 'asc' } },
        checkpoints: { orderBy: { step: 'desc' } },
      },
    });
    if (!run) throw noSuchRun(runId);
    if (!owned) return undefined;
    const shown = runOf(run);
    const checkpoints = run.checkpoints.map(checkpointOf);
    return {
      run: shown,
      fencingToken: owned.fencingToken,
      spec: shown.spec,
      datasetManifest: run.dataset.manifest,
      ...(run.baseArtifact === null ? {} : { modelArtifact: run.baseArtifact }),
      attempt: run.attempt,
      generation: run.generation,
      assignments: run.assignments.map(({ rank, workerId, address }) => ({ rank, workerId, address })),
      lastSequence: Number(run.workerSequence),
      ...(checkpoints[0] ? { checkpoint: checkpoints[0] } : {}),
      checkpoints,
    };
  }

  async transition(runId: string, fencingToken: bigint, change: StateChange): Promise<Run> {
    return this.#write(runId, fencingToken, (write) => write.move(change));
  }

  async explain(
    runId: string,
    fencingToken: bigint,
    why: { reason: RunReason; message: string },
  ): Promise<Run> {
    return this.#write(runId, fencingToken, async (write) => {
      write.assertAlive('a new reason');
      if (write.run.reason === why.reason && write.run.message === why.message) return;
      await write.update(why);
      await write.tell('state', why.message, {});
    });
  }

  async startGeneration(runId: string, fencingToken: bigint, membership: Membership): Promise<Run> {
    const { attempt, generation, assignments } = membership;
    const worldSize = assignments.length;
    try {
      return await this.#write(runId, fencingToken, async (write, transaction) => {
        write.assertAlive('a generation');
        await transaction.assignment.updateMany({
          where: { runId, heldWorkerId: { not: null } },
          data: { heldWorkerId: null, releasedAt: new Date() },
        });
        await transaction.attempt.updateMany({
          where: { runId, number: { lt: attempt }, finishedAt: null },
          data: { finishedAt: new Date() },
        });
        await transaction.attempt.upsert({
          where: { runId_number: { runId, number: attempt } },
          create: { runId, number: attempt, generation, worldSize },
          update: { generation, worldSize, finishedAt: null },
        });
        await transaction.assignment.createMany({
          data: assignments.map((rank) => ({
            runId,
            attempt,
            generation,
            ...rank,
            heldWorkerId: rank.workerId,
          })),
        });
        await write.update({ attempt, generation, worldSize, workerSequence: 0n });
      });
    } catch (cause) {
      const problem = isDuplicate(cause)
        ? 'is held by another run'
        : isDangling(cause) && 'is not registered';
      if (!problem) throw cause;
      const names = assignments.map(({ workerId }) => workerId).join(', ');
      throw new TriptychError(
        'ILLEGAL_STATE',
        `One of the workers ${names} ${problem}; place run ${runId} again`,
        {
          cause,
        },
      );
    }
  }

  async releaseAssignments(runId: string, fencingToken: bigint): Promise<void> {
    await this.#write(runId, fencingToken, (write) => write.release());
  }

  async recordSteps(runId: string, fencingToken: bigint, batch: StepBatch): Promise<void> {
    await this.#write(runId, fencingToken, async (write, transaction) => {
      write.assertAlive('a step');
      const { steps, progress } = batch;
      await transaction.stepMetric.deleteMany({
        where: { runId, step: { in: steps.map(({ step }) => step) } },
      });
      await transaction.stepMetric.createMany({ data: steps.map((metric) => stepMetricRow(runId, metric)) });
      const firstStepAt = write.run.firstStepAt ?? (steps[0] ? new Date(steps[0].at) : null);
      await write.update({ progress, firstStepAt, workerSequence: newest(write, batch.lastSequence) });
      await write.tell('progress', `Step ${progress.step} of ${progress.totalSteps}`, progress);
    });
  }

  async recordCheckpoint(
    runId: string,
    fencingToken: bigint,
    saved: Parameters<RunStore['recordCheckpoint']>[2],
  ): Promise<void> {
    const { step, sha256, bytes, at, lastSequence } = saved;
    await this.#write(runId, fencingToken, async (write, transaction) => {
      write.assertAlive('a checkpoint');
      const known = await transaction.checkpoint.findUnique({ where: { runId_step: { runId, step } } });
      if (known?.sha256 === sha256) return;
      const content = { sha256, bytes: BigInt(bytes), at: new Date(at) };
      await transaction.checkpoint.upsert({
        where: { runId_step: { runId, step } },
        create: { runId, step, ...content },
        update: content,
      });
      await write.update({ workerSequence: newest(write, lastSequence) });
      await write.tell('checkpoint', `Checkpoint of step ${step}`, { step, sha256, bytes });
    });
  }

  async recordScores(
    runId: string,
    fencingToken: bigint,
    { scores, lastSequence }: { scores: readonly Score[]; lastSequence?: number },
  ): Promise<void> {
    await this.#write(runId, fencingToken, async (write, transaction) => {
      write.assertAlive('a score');
      await putScores(transaction, runId, scores);
      await write.update({ workerSequence: newest(write, lastSequence) });
      await write.tell('score', scoreLine(scores), { scores });
    });
  }

  async recordLog(
    runId: string,
    fencingToken: bigint,
    { message, fields = {} }: { message: string; fields?: Record<string, unknown> },
  ): Promise<void> {
    await this.#write(runId, fencingToken, (write) => write.tell('log', message, fields));
  }

  async complete(runId: string, fencingToken: bigint, outcome: Outcome): Promise<Run> {
    const { modelArtifact, weights, scores = [], message = 'Finished' } = outcome;
    const description = await this.#options.describeModel(modelArtifact);
    return this.#write(runId, fencingToken, async (write, transaction) => {
      await putScores(transaction, runId, scores);
      const wanted = write.run.name ?? runId;
      const taken = await transaction.model.findUnique({ where: { name: wanted }, select: { id: true } });
      const model = await transaction.model.create({
        data: {
          id: newId('model'),
          name: taken ? runId : wanted,
          kind: 'trained',
          description: `${write.run.modelName} trained by run ${wanted}`,
          artifact: modelArtifact,
          weightsSha256: weights.sha256,
          weightsBytes: BigInt(weights.bytes),
          runId,
          ...description,
        },
        select: { id: true },
      });
      await write.move({
        event: 'succeed',
        reason: 'COMPLETED',
        message,
        detail: { modelId: model.id, weights },
        fields: { weightsSha256: weights.sha256, weightsBytes: BigInt(weights.bytes) },
      });
    });
  }

  async requestCancel(runId: string): Promise<Run> {
    await this.#client.$transaction(async (transaction) => {
      const write = await RunWrite.unowned(transaction, runId);
      if (write.status === 'CANCELLING' || write.status === 'CANCELLED') return;
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
          message: 'Cancelling: stopping the workers',
        });
      if (idle)
        await write.move({
          event: 'cancelled',
          reason: 'CANCELLED_BY_USER',
          message: 'Cancelled before it started',
        });
    });
    this.#options.notifier.wake(runId);
    return this.get(runId);
  }

  async get(runId: string): Promise<Run> {
    const run = await this.#client.run.findUnique({ where: { id: runId }, include: runRelations });
    if (!run) throw noSuchRun(runId);
    const positions = run.status === 'QUEUED' ? await queuePositions(this.#client, [runId]) : undefined;
    return runOf(run, positions?.get(runId));
  }

  async statusOf(runId: string): Promise<RunStatus> {
    const run = await this.#client.run.findUnique({ where: { id: runId }, select: { status: true } });
    if (!run) throw noSuchRun(runId);
    return run.status as RunStatus;
  }

  async listUnfinished(): Promise<UnfinishedRun[]> {
    const rows = await this.#client.run.findMany({
      where: { status: { in: unfinished } },
      orderBy: [{ priority: 'asc' }, { createdAt: 'asc' }, { id: 'asc' }],
      select: { id: true, status: true, priority: true, createdAt: true },
    });
    return rows.map((row) => ({ ...row, status: row.status as RunStatus }));
  }

  get #client() {
    return this.#options.database.client;
  }

  async #write(
    runId: string,
    fencingToken: bigint,
    change: (write: RunWrite, transaction: Transaction) => Promise<void>,
  ): Promise<Run> {
    try {
      await this.#client.$transaction(async (transaction) =>
        change(await RunWrite.owned(transaction, runId, fencingToken), transaction),
      );
      this.#options.notifier.wake(runId);
      return await this.get(runId);
    } catch (error) {
      if (error instanceof TriptychError && error.code === 'FENCED') this.#options.onFenced?.();
      throw error;
    }
  }
}

const newest = (write: RunWrite, sequence = 0): bigint =>
  BigInt(sequence) > write.run.workerSequence ? BigInt(sequence) : write.run.workerSequence;

async function putScores(transaction: Transaction, runId: string, scores: readonly Score[]): Promise<void> {
  if (scores.length === 0) return;
  await transaction.score.deleteMany({
    where: { runId, OR: scores.map(({ task, metric, stage }) => ({ task, metric, stage })) },
  });
  await transaction.score.createMany({ data: scores.map((score) => ({ runId, ...score })) });
}

const scoreLine = (scores: readonly Score[]): string =>
  scores.map(({ stage, task, metric, value }) => `${stage} ${task} ${metric} ${value.toFixed(4)}`).join(', ');
