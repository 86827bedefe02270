/**
 * Takes runs from the queue and sees each through. What it adds to the single supervision: cancels reach the right one,
 * runs without a job get one, and workers that train what nobody wants any more are told to stop.
 */
import { isTerminal, type RunReason, TriptychError } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { Registry as MetricsRegistry } from 'prom-client';
import type { Delivery, DeliveryQueue, Disposition } from '../queue/delivery-queue.ts';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { isOutage } from '../store/outage.ts';
import type { RunNotifier } from '../store/run-notifier.ts';
import type { RunStore, Tenure, UnfinishedRun } from '../store/run-store.ts';
import type { FailureBudgetOptions } from './failure-verdict.ts';
import { Supervision, type SupervisionParts, type SupervisionTiming } from './supervision.ts';
import { SupervisorMetrics } from './supervisor-metrics.ts';
import { TrainerClients } from './trainer-clients.ts';

export interface SupervisorOptions {
  readonly runs: RunStore;
  readonly registry: WorkerRegistry;
  readonly queue: DeliveryQueue;
  readonly notifier: RunNotifier;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  readonly timing?: Partial<SupervisionTiming>;
  readonly failures?: FailureBudgetOptions;
  /** How often the record is compared with what is supervised here. */
  readonly reconcileMs?: number;
}

const defaultTiming: SupervisionTiming = {
  paceMs: 250,
  reattachMs: 60_000,
  returnWindowMs: 15_000,
  graceMs: 10_000,
  settleMs: 1500,
  stepSilenceMs: 60_000,
  phaseSilenceMs: 600_000,
};

export const createSupervisor = (options: SupervisorOptions): Supervisor => new Supervisor(options);

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #parts: SupervisionParts;
  readonly #live = new Map<string, Supervision>();
  /** Worker and run, while a stop is under way. */
  readonly #reaping = new Set<string>();
  /** How often in a row a run could not be supervised, for a reason other than an outage. */
  readonly #troubles = new Map<string, number>();
  #reconciler: NodeJS.Timeout | undefined;
  #rounds = 0;
  #unsubscribe = () => {};

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#parts = {
      runs: options.runs,
      registry: options.registry,
      scheduler: new Scheduler(options.registry),
      clients: new TrainerClients(),
      metrics: new SupervisorMetrics(options.metrics),
      timing: { ...defaultTiming, ...options.timing },
      failures: options.failures ?? {},
    };
  }

  /** Enqueues every unfinished run (one that has its job keeps it) and begins to take deliveries. */
  async start(): Promise<void> {
    const { queue, registry, reconcileMs = 2000, runs } = this.#options;
    const unfinished = await runs.listUnfinished();
    await this.#enqueue(unfinished);
    queue.consume((delivery) => this.#watchOver(delivery));
    this.#unsubscribe = registry.onChange(() => this.#reap());
    const tick = () => {
      this.#reconciler = setTimeout(() => {
        this.#reconcile()
          .catch((err: unknown) =>
            this.#options.logger.warn({ event: 'reconcile-failed', err }, 'The record could not be read'),
          )
          .finally(() => this.#reconciler && tick());
      }, reconcileMs);
    };
    tick();
  }

  /** How many runs are supervised here, the waiting ones included. */
  get size(): number {
    return this.#live.size;
  }

  /** Lets go of all runs and leaves their workers training for the next supervisor. Closes the queue. */
  async close(): Promise<void> {
    clearTimeout(this.#reconciler);
    this.#reconciler = undefined;
    this.#unsubscribe();
    await this.#options.queue.close();
    this.#parts.scheduler.close();
    this.#parts.clients.close();
  }

  /** Ends a run that fails to be supervised again and again, so that it troubles neither the others nor the next start. */
  async #watchOver(delivery: Delivery): Promise<Disposition> {
    const { runId } = delivery;
    try {
      const disposition = await this.#supervise(delivery);
      this.#troubles.delete(runId);
      return disposition;
    } catch (error) {
      const unreadable = error instanceof TriptychError && error.code === 'INVALID_INPUT';
      if (!unreadable && (error instanceof TriptychError || isOutage(error))) throw error;
      const troubles = (this.#troubles.get(runId) ?? 0) + 1;
      this.#troubles.set(runId, troubles);
      if (!unreadable && troubles < TROUBLES) throw error;
      const message = error instanceof Error ? error.message : String(error);
      const ended = await this.#giveUp(
        runId,
        unreadable
          ? { reason: 'INVALID_SPEC', message: `${message}; submit the run again` }
          : { reason: 'INTERNAL_ERROR', message: `Failed ${troubles} times to go on: ${message}` },
      );
      if (ended) this.#troubles.delete(runId);
      return ended
        ? { kind: 'done' }
        : { kind: 'retry', delayMs: Math.min(LONGEST_TROUBLE_MS, 1000 * 2 ** troubles) };
    }
  }

  async #supervise(delivery: Delivery): Promise<Disposition> {
    const { runId } = delivery;
    const { runs } = this.#options;
    // Where the queue delivers a run again to the process that still has it, the old supervision has been told to end.
    await this.#live.get(runId)?.ended;
    const tenure = await runs.acquire(runId).catch(ignoreMissing);
    if (!tenure) return { kind: 'done' };
    return this.#see(tenure, delivery);
  }

  async #see(tenure: Tenure, delivery: Delivery): Promise<Disposition> {
    const { runId } = delivery;
    const { notifier } = this.#options;
    const logger = this.#options.logger.child({ runId });
    const supervision = new Supervision({ parts: this.#parts, tenure, delivery, logger });
    this.#live.set(runId, supervision);
    const unsubscribe = notifier.subscribe(runId, () => this.#checkCancel(runId));
    // A wish that came between the delivery and the subscription woke nobody.
    this.#checkCancel(runId);
    try {
      return await supervision.run();
    } finally {
      unsubscribe();
      if (this.#live.get(runId) === supervision) this.#live.delete(runId);
    }
  }

  /** What the queue will never take is never delivered: such a run ends here. */
  async #enqueue(unfinished: readonly UnfinishedRun[]): Promise<void> {
    const refused = await this.#options.queue.enqueueAll(
      unfinished.map(({ id, priority }) => ({ runId: id, priority })),
    );
    for (const { runId, message } of refused) await this.#giveUp(runId, { reason: 'INVALID_SPEC', message });
  }

  /** @returns whether the record says so now; it may take nothing at all of this run. */
  async #giveUp(runId: string, why: { reason: RunReason; message: string }): Promise<boolean> {
    const { runs, logger } = this.#options;
    logger.error({ event: 'run-given-up', runId, ...why }, why.message);
    try {
      await runs.giveUp(runId, why);
      return true;
    } catch (err) {
      logger.error({ event: 'give-up-failed', runId, err }, `Run ${runId} cannot be ended`);
      return false;
    }
  }

  #checkCancel(runId: string): void {
    this.#options.runs.statusOf(runId).then(
      (status) => {
        if (status === 'CANCELLING' || status === 'CANCELLED') this.#live.get(runId)?.cancel();
      },
      // The next round of the reconciler asks again.
      () => undefined,
    );
  }

  /** One query for all runs: cancels that were asked for elsewhere, and now and then runs that have lost their job. */
  async #reconcile(): Promise<void> {
    const { runs } = this.#options;
    const live = [...this.#live];
    const unfinished = new Map((await runs.listUnfinished()).map((run) => [run.id, run]));
    for (const [runId, supervision] of live) {
      const status = unfinished.get(runId)?.status;
      if (status === undefined || status === 'CANCELLING') supervision.cancel();
    }
    this.#rounds += 1;
    if (this.#rounds % ROUNDS_PER_ENQUEUE !== 0) return;
    const orphans = [...unfinished.values()].filter(({ id }) => !this.#live.has(id));
    await this.#enqueue(orphans);
    this.#reap();
  }

  /** Workers that say they train something nobody here has reserved them for. */
  #reap(): void {
    for (const { workerId, address, assignment } of this.#parts.registry.foreign()) {
      const key = `${workerId} ${assignment.runId}`;
      if (this.#reaping.has(key)) continue;
      this.#reaping.add(key);
      this.#reapOne({ workerId, address, ...assignment })
        .catch((err: unknown) =>
          this.#options.logger.warn(
            { event: 'reap-failed', workerId, err },
            `Worker ${workerId} could not be stopped`,
          ),
        )
        .finally(() => setTimeout(() => this.#reaping.delete(key), REAP_PAUSE_MS).unref());
    }
  }

  async #reapOne(stray: {
    workerId: string;
    address: string;
    runId: string;
    attempt: number;
  }): Promise<void> {
    const { runs, registry, logger } = this.#options;
    const { workerId, runId } = stray;
    const supervision = this.#live.get(runId);
    const over = await runs.statusOf(runId).then(isTerminal, isMissing);
    // A run that waits for its supervisor needs its workers; one that went on elsewhere does not.
    if (!over && !(supervision && supervision.attempt > stray.attempt)) return;
    // Nobody will ever own a run that is over again, so the highest token takes nothing from anybody.
    const fencingToken = over ? Number.MAX_SAFE_INTEGER : Number(supervision?.fencingToken);
    await this.#parts.clients.stop(
      stray.address,
      { runId, fencingToken, reason: 'The run goes on elsewhere, or is over' },
      AbortSignal.timeout(REAP_TIMEOUT_MS),
    );
    registry.release(runId, [workerId]);
    logger.info(
      { event: 'worker-reaped', workerId, runId },
      `Worker ${workerId} was stopped: run ${runId} needs it no more`,
    );
  }
}

/** Deliveries in a row that end with an error nobody expected. */
const TROUBLES = 3;
const LONGEST_TROUBLE_MS = 60_000;
const ROUNDS_PER_ENQUEUE = 15;
const REAP_PAUSE_MS = 2000;
const REAP_TIMEOUT_MS = 10_000;

const isMissing = (error: unknown): boolean => {
  if (error instanceof TriptychError && error.code === 'NOT_FOUND') return true;
  throw error;
};

const ignoreMissing = (error: unknown): undefined => {
  isMissing(error);
};
