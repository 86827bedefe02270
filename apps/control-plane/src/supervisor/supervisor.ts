/**
 * Takes runs from the queue and sees each through. What it adds to the single supervision: cancels reach the right one,
 * runs without a job get one, and workers that train what nobody wants any more are told to stop.
 */
import { type RunReason, TriptychError } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { Consumer, Delivery, DeliveryQueue, Disposition } from '../queue/delivery-queue.ts';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { isOutage } from '../store/outage.ts';
import type { RunNotifier } from '../store/run-notifier.ts';
import type { RunStore, Tenure, UnfinishedRun } from '../store/run-store.ts';
import type { FailureBudgetOptions } from './failure-verdict.ts';
import { ignoreMissing } from './missing-run.ts';
import { Reaper } from './reaper.ts';
import { Supervision, type SupervisionParts } from './supervision.ts';
import { defaultTiming, type SupervisionTiming } from './supervision-timing.ts';
import type { SupervisorMetrics } from './supervisor-metrics.ts';
import type { TrainerClients } from './trainer-clients.ts';

export interface SupervisorOptions {
  readonly runs: RunStore;
  readonly registry: WorkerRegistry;
  readonly queue: DeliveryQueue;
  readonly notifier: RunNotifier;
  /** Stay the caller's. */
  readonly clients: TrainerClients;
  readonly logger: Logger;
  readonly metrics: SupervisorMetrics;
  readonly timing?: Partial<SupervisionTiming>;
  readonly failures?: FailureBudgetOptions;
  /** How often the record is compared with what is supervised here. */
  readonly reconcileMs?: number;
}

export const createSupervisor = (options: SupervisorOptions): Supervisor => new Supervisor(options);

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #parts: SupervisionParts;
  readonly #live = new Map<string, Supervision>();
  readonly #reaper: Reaper;
  /** How often in a row a run could not be supervised, for a reason other than an outage. */
  readonly #troubles = new Map<string, number>();
  #reconciler: NodeJS.Timeout | undefined;
  #rounds = 0;
  #unsubscribe = () => {};
  #consumer: Consumer | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#parts = {
      runs: options.runs,
      registry: options.registry,
      scheduler: new Scheduler(options.registry),
      clients: options.clients,
      metrics: options.metrics,
      timing: { ...defaultTiming, ...options.timing },
      failures: options.failures ?? {},
    };
    this.#reaper = new Reaper({
      ...{ runs: options.runs, registry: options.registry, logger: options.logger },
      clients: this.#parts.clients,
      isHeld: ({ runId, workerId }) => this.#live.get(runId)?.holds(workerId) ?? false,
    });
  }

  /** Enqueues every unfinished run (one that has its job keeps it) and begins to take deliveries. */
  async start(): Promise<void> {
    const { queue, registry, reconcileMs = 2000, runs } = this.#options;
    const unfinished = await runs.listUnfinished();
    await this.#enqueue(unfinished);
    this.#consumer = queue.consume((delivery) => this.#watchOver(delivery));
    this.#unsubscribe = registry.onChange(() => this.#reaper.reap());
    const tick = () => {
      this.#reconciler = setTimeout(() => {
        this.#reaper.reap();
        this.#parts.clients.keepOnly(registry.fleet().map(({ id }) => id));
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

  /** Lets go of all runs and leaves their workers training for the next supervisor. */
  async close(): Promise<void> {
    clearTimeout(this.#reconciler);
    this.#reconciler = undefined;
    this.#unsubscribe();
    await this.#consumer?.close();
    this.#parts.scheduler.close();
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
      const run = unfinished.get(runId);
      if (run === undefined || run.status === 'CANCELLING') supervision.cancel();
      else if (!run.isBound) supervision.reconsider();
    }
    this.#rounds += 1;
    if (this.#rounds > FIRST_ROUNDS && this.#rounds % ROUNDS_PER_ENQUEUE !== 0) return;
    const orphans = [...unfinished.values()].filter(({ id }) => !this.#live.has(id));
    await this.#enqueue(orphans);
  }
}

/** Deliveries in a row that end with an error nobody expected. */
const TROUBLES = 3;
const LONGEST_TROUBLE_MS = 60_000;
const ROUNDS_PER_ENQUEUE = 15;
/** A supervisor before this one may have taken a job out of the queue at its very end. */
const FIRST_ROUNDS = 5;
