/**
 * One tenure of one run: from the moment its job is delivered here until it is over, goes back to the queue, or belongs to
 * somebody newer. Everything it knows is in the record, so that another process can take over at any line.
 */
import { isTraining, TriptychError } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { Delivery, Disposition } from '../queue/delivery-queue.ts';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { PlacedRank, RunStore, Tenure } from '../store/run-store.ts';
import { isAbout, isAboutResults } from './artifact-failure.ts';
import { EventRecorder } from './event-recorder.ts';
import { blameFor, type Failure, type FailureBudgetOptions, reasonOf } from './failure-verdict.ts';
import { type Ending, followGeneration, type RankFailure } from './follow-generation.ts';
import { Generation } from './generation.ts';
import { generationRequest } from './generation-request.ts';
import { Placing } from './placing.ts';
import { RunMemory } from './run-memory.ts';
import { RecordRefused, RunWriter } from './run-writer.ts';
import { SilenceWatch } from './silence-watch.ts';
import { HIGHEST_TOKEN, stopRanks, stopUntilGone } from './stop-ranks.ts';
import type { SupervisionTiming } from './supervision-timing.ts';
import type { SupervisorMetrics } from './supervisor-metrics.ts';
import type { TrainerClients } from './trainer-clients.ts';

export interface SupervisionParts {
  readonly runs: RunStore;
  readonly registry: WorkerRegistry;
  readonly scheduler: Scheduler;
  readonly clients: TrainerClients;
  readonly metrics: SupervisorMetrics;
  readonly timing: SupervisionTiming;
  readonly failures: FailureBudgetOptions;
}

export interface SupervisionOptions {
  readonly parts: SupervisionParts;
  readonly tenure: Tenure;
  readonly delivery: Delivery;
  readonly logger: Logger;
}

export class Supervision {
  readonly runId: string;
  readonly fencingToken: bigint;
  readonly #options: SupervisionOptions;
  readonly #memory: RunMemory;
  readonly #writer: RunWriter;
  readonly #cancel = new AbortController();
  /** The delivery's end or the user's wish: what ends every wait in here. */
  readonly #signal: AbortSignal;
  #ended: Promise<void> = Promise.resolve();
  #placing: Placing | undefined;
  #attempt: number;
  /** The record has the time of the first attempt. */
  #hasStarted: boolean;
  /** The workers that this run may be using. */
  #ranks: readonly PlacedRank[];

  constructor(options: SupervisionOptions) {
    const { tenure, delivery, parts, logger } = options;
    this.runId = tenure.run.id;
    this.fencingToken = tenure.fencingToken;
    this.#options = options;
    this.#signal = AbortSignal.any([delivery.signal, this.#cancel.signal]);
    this.#writer = new RunWriter({ runs: parts.runs, tenure, logger, signal: delivery.signal });
    this.#attempt = tenure.attempt;
    this.#hasStarted = tenure.run.startedAt !== undefined;
    this.#ranks = tenure.assignments;
    this.#memory = new RunMemory(tenure, parts.failures);
  }

  /** True where the run is using the worker, or may be. */
  holds(workerId: string): boolean {
    return this.#ranks.some((placed) => placed.workerId === workerId);
  }

  /** A user wants the run to end. Harmless where it is ending. */
  cancel(): void {
    this.#cancel.abort(new TriptychError('CANCELLED', `Run ${this.runId} was cancelled`));
  }

  /** An operator has let the run go on with other numerics. Harmless where it does not wait for workers. */
  reconsider(): void {
    if (this.#memory.numerics) this.#placing?.reconsider();
  }

  /** @returns what becomes of the queue's job. Rejects where only another delivery can help (a bug, or no database). */
  run(): Promise<Disposition> {
    const result = this.#supervise();
    this.#ended = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Resolves (never rejects) when nothing is done or written here any more. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  async #supervise(): Promise<Disposition> {
    try {
      if (this.#writer.status === 'CANCELLING') return await this.#finishCancel();
      return await this.#advance();
    } catch (error) {
      return await this.#conclude(error);
    } finally {
      this.#options.parts.registry.abandon(this.#training, this.#workerIds());
    }
  }

  async #advance(): Promise<Disposition> {
    let generation = await this.#resume();
    for (;;) {
      generation ??= await this.#start();
      const recorder = this.#recorder();
      const ending = await this.#follow(generation, recorder);
      if (ending.kind === 'succeeded') return { kind: 'done' };
      const disposition = await this.#recover(generation, { ...ending.failure, step: recorder.step });
      if (disposition) return disposition;
      generation = undefined;
    }
  }

  /** The live generation of a supervisor that is gone, where its workers are still there. */
  async #resume(): Promise<Generation | undefined> {
    const { tenure, parts, logger } = this.#options;
    const { status } = this.#writer;
    if (status === 'QUEUED' || status === 'BACKOFF') return undefined;
    const live = status === 'STARTING' || isTraining(status);
    if (live && this.#ranks.length > 0 && (await this.#workersReturned())) {
      parts.registry.reserve(this.runId, this.#workerIds());
      logger.info(
        { event: 'run-reattached', attempt: this.#attempt, status },
        'Re-attached to the live generation',
      );
      await this.#writer.recordLog('The supervisor was restarted and re-attached to the live generation', {
        fields: {
          reason: 'SUPERVISOR_RESTARTED',
          attempt: this.#attempt,
          afterSequence: tenure.lastSequence,
        },
      });
      return this.#generation(tenure.lastSequence);
    }
    if (live) {
      await this.#writer.move({
        event: 'lose',
        reason: 'SUPERVISOR_RESTARTED',
        message:
          'The supervisor was restarted and the workers of the live generation are not all there any more',
      });
    }
    await this.#withdraw('The run starts again', () => this.#writer.releaseAssignments());
    if (status === 'SCHEDULING') {
      await this.#writer.move({
        event: 'wait',
        reason: 'SUPERVISOR_RESTARTED',
        message: 'Waiting to be placed again',
      });
    }
    return undefined;
  }

  /** True where every worker of the live generation is registered and free of other runs, at the latest by the deadline. */
  async #workersReturned(): Promise<boolean> {
    const { registry, timing } = this.#options.parts;
    const patience = AbortSignal.any([
      this.#signal,
      AbortSignal.timeout(registry.leftToReturn(timing.returnWindowMs)),
    ]);
    const areThere = await registry.whenAlive(this.#workerIds(), patience);
    this.#signal.throwIfAborted();
    return areThere && this.#workerIds().every((id) => registry.isFreeFor(this.runId, id));
  }

  async #start(): Promise<Generation> {
    const { tenure, parts } = this.#options;
    const memory = this.#memory;
    this.#placing = new Placing({
      ...{ tenure, memory, writer: this.#writer, scheduler: parts.scheduler, signal: this.#signal },
      numericsOnRecord: async () => (await parts.runs.ownership(this.runId)).numerics,
      graceMs: parts.timing.graceMs,
    });
    const workers = await this.#placing.place();
    this.#ranks = workers.map(({ id, address }, rank) => ({ rank, workerId: id, address }));
    this.#signal.throwIfAborted();
    memory.backend = workers[0]?.backend;
    memory.numerics = workers[0]?.numerics;
    const placed = {
      reason: 'PLACED' as const,
      message: `Starting on ${this.#ranks.length} worker${this.#ranks.length === 1 ? '' : 's'}`,
      detail: { workers: this.#workerIds(), attempt: this.#attempt + 1, numerics: memory.numerics?.digest },
    };
    if (this.#writer.status === 'QUEUED') await this.#writer.move({ event: 'schedule', ...placed });
    this.#attempt += 1;
    await this.#writer.startGeneration({
      ...{ attempt: this.#attempt, generation: 1, assignments: this.#ranks },
      ...(memory.backend && { backend: memory.backend }),
      ...(memory.numerics && { numerics: memory.numerics }),
    });
    const fields = this.#hasStarted ? {} : { startedAt: new Date() };
    await this.#writer.move({ event: 'place', ...placed, fields });
    this.#hasStarted = true;
    return this.#generation(0);
  }

  #generation(afterSequence: number): Generation {
    const { tenure, parts } = this.#options;
    return new Generation({
      ...{ ranks: this.#ranks, clients: parts.clients, registry: parts.registry },
      paceMs: parts.timing.paceMs,
      firstContactMs: parts.timing.firstContactMs,
      request: generationRequest({
        ...{ tenure, afterSequence, attempt: this.#attempt, fencingToken: this.fencingToken },
        ...{ memory: this.#memory, reattachMs: parts.timing.reattachMs },
      }),
    });
  }

  #recorder(): EventRecorder {
    return new EventRecorder({
      writer: this.#writer,
      spec: this.#options.tenure.spec,
      onCheckpoint: ({ sha256 }) => this.#memory.remember(sha256),
    });
  }

  #watch({ ranks }: Generation): SilenceWatch {
    const { tenure, parts } = this.#options;
    return new SilenceWatch({
      ...parts.timing,
      worldSize: ranks.length,
      checkpointEverySteps: tenure.spec.checkpoint.everySteps,
    });
  }

  /** Until the generation has finished and its result is in the record, or has failed. The ranks are let go of in any case. */
  async #follow(generation: Generation, recorder: EventRecorder): Promise<Ending> {
    const { parts } = this.#options;
    try {
      const ending = await followGeneration({
        ...{ generation, recorder, signal: this.#signal },
        isReplaced: () => this.#writer.isReplaced(),
        settleMs: parts.timing.settleMs,
        watch: this.#watch(generation),
      });
      if (ending.kind === 'failed') return ending;
      await recorder.reach('FINALIZING');
      const { artifact, weightsSha256: sha256, weightsBytes: bytes } = ending.model;
      await this.#withdraw('The run has finished', () =>
        this.#writer.complete({
          modelArtifact: artifact,
          weights: { sha256, bytes },
          scores: recorder.scores,
        }),
      );
      parts.registry.absolve(generation.ranks.map(({ workerId }) => workerId));
      return ending;
    } catch (error) {
      // What a generation made is its failure, not the supervisor's: an artifact that cannot be read back, other bits than before.
      if (!(error instanceof TriptychError) || !isAboutResults(error.code) || this.#signal.aborted)
        throw error;
      return { kind: 'failed', failure: { code: error.code, message: error.message } };
    } finally {
      await generation.detach();
    }
  }

  /** @returns where the run goes now, or nothing where it goes on here at once. */
  async #recover(generation: Generation, failure: Failure & RankFailure): Promise<Disposition | undefined> {
    const { parts, logger } = this.#options;
    const { code, message, step } = failure;
    const verdict = this.#memory.budget.judge(failure);
    parts.metrics.failed(code);
    this.#passJudgement(failure);
    logger.warn(
      { event: 'generation-failed', code, step, attempt: this.#attempt, verdict: verdict.kind },
      message,
    );
    const detail = { code, step };
    if (verdict.kind === 'fail') {
      const { reason, message: last } = verdict;
      await this.#withdraw(last, () => this.#writer.move({ event: 'fail', reason, message: last, detail }));
      return { kind: 'done' };
    }
    await this.#writer.move({ event: 'lose', reason: reasonOf(code), message, detail });
    await this.#distrustCheckpoint(generation, failure);
    await this.#withdraw(`Attempt ${this.#attempt} is over: ${message}`, () =>
      this.#writer.releaseAssignments(),
    );
    if (verdict.delayMs === 0) return undefined;
    await this.#writer.move({
      event: 'backOff',
      reason: 'RETRY_SCHEDULED',
      message: `Next attempt in ${verdict.delayMs / 1000} s; the last one ended with: ${message}`,
    });
    return { kind: 'retry', delayMs: verdict.delayMs };
  }

  /** What the failure means for the next placement of its worker, for this run or another. */
  #passJudgement({ code, workerId }: RankFailure): void {
    const { registry } = this.#options.parts;
    if (workerId === undefined) return;
    const blame = blameFor(code);
    if (code === 'WORKER_DRAINED') registry.drain(workerId);
    else if (blame) registry.blame(workerId, blame);
  }

  /** A checkpoint that cannot be read is passed over, loudly, for the one before it. */
  async #distrustCheckpoint(generation: Generation, { code, message, step }: Failure): Promise<void> {
    const { checkpointSha256 } = generation.request;
    if (checkpointSha256 === '' || step > 0 || !isAbout({ code, message }, checkpointSha256)) return;
    this.#memory.distrust(checkpointSha256);
    await this.#writer.recordLog(`Checkpoint ${checkpointSha256} is passed over: ${message}`, {
      fields: { code, sha256: checkpointSha256 },
    });
  }

  /**
   * Ends the work on all of the run's workers, writes that down, and only then lets other runs have them: the record knows
   * one owner of a worker.
   */
  async #withdraw(reason: string, write: () => Promise<unknown>): Promise<void> {
    const { registry, clients } = this.#options.parts;
    const { fencingToken } = this;
    const training = this.#training;
    const { free, silent } = await stopRanks({
      ...{ ...training, ranks: this.#ranks, fencingToken, reason, clients, registry },
    });
    await write();
    registry.release(training, free);
    registry.distrust(training, silent);
    this.#ranks = [];
  }

  async #finishCancel(): Promise<Disposition> {
    const { parts, delivery } = this.#options;
    const { runId } = this;
    const { free, silent } = await stopUntilGone({
      ...{ ...this.#training, ranks: this.#ranks, clients: parts.clients, registry: parts.registry },
      fencingToken: HIGHEST_TOKEN,
      reason: 'The run was cancelled',
      returnWindowMs: parts.timing.returnWindowMs,
      reattachMs: parts.timing.reattachMs,
      signal: delivery.signal,
    });
    if ((await parts.runs.statusOf(runId)) === 'CANCELLING') {
      await this.#writer.move({ event: 'cancelled', reason: 'CANCELLED_BY_USER', message: 'Cancelled' });
    }
    parts.registry.release(this.#training, free);
    parts.registry.distrust(this.#training, silent);
    return { kind: 'done' };
  }

  /** What an error in the middle of things means. */
  async #conclude(error: unknown): Promise<Disposition> {
    const { parts, delivery, logger } = this.#options;
    const code = error instanceof TriptychError ? error.code : undefined;
    if (code === 'FENCED' || code === 'NOT_LEADER') {
      const facts = { event: 'run-fenced', code, token: String(this.fencingToken) };
      logger.info(facts, 'A newer supervisor has taken over');
      // A newer supervisor came by the run's job; a newer leader still waits for it.
      return { kind: code === 'FENCED' ? 'done' : 'release' };
    }
    if (delivery.signal.aborted) return { kind: 'release' };
    const status = await parts.runs.statusOf(this.runId);
    if (status === 'CANCELLING' || status === 'CANCELLED') {
      return await this.#finishCancel().catch((cause: unknown) => {
        if (delivery.signal.aborted) return { kind: 'release' } as const;
        throw cause;
      });
    }
    if (status === 'SUCCEEDED' || status === 'FAILED') return { kind: 'done' };
    if (error instanceof RecordRefused) {
      const { message } = error;
      logger.error({ event: 'record-refused', status, err: error }, message);
      await this.#withdraw(message, () =>
        parts.runs.giveUp(this.runId, { reason: 'INTERNAL_ERROR', message }),
      );
      return { kind: 'done' };
    }
    logger.error(
      { event: 'supervision-failed', status, err: error },
      'The supervision failed; it is tried again',
    );
    throw error;
  }

  get #training() {
    return { runId: this.runId, attempt: this.#attempt };
  }

  #workerIds(): string[] {
    return this.#ranks.map(({ workerId }) => workerId);
  }
}
