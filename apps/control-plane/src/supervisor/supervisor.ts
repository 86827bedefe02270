/**
 * Takes runs from the queue and sees each through. What it adds to the single supervision: cancels reach the right one,
 * runs without a job get one, and workers that train what nobody wants any more are told to stop.
 */
import type { Logger } from '@triptych/runtime';
import type { Registry as MetricsRegistry } from 'prom-client';
import type { Delivery, DeliveryQueue, Disposition } from '../queue/delivery-queue.ts';
import type { WorkerRegistry } from '../registry/worker-registry.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import type { RunNotifier } from '../store/run-notifier.ts';
import type { RunStore } from '../store/run-store.ts';
import type { FailureBudgetOptions } from './failure-verdict.ts';
import { ignoreMissing } from './missing-run.ts';
import { Reaper } from './reaper.ts';
import { Supervision, type SupervisionParts } from './supervision.ts';
import { defaultTiming, type SupervisionTiming } from './supervision-timing.ts';
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

export const createSupervisor = (options: SupervisorOptions): Supervisor => new Supervisor(options);

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #parts: SupervisionParts;
  readonly #live = new Map<string, Supervision>();
  readonly #reaper: Reaper;
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
    await queue.enqueueAll(unfinished.map(({ id, priority }) => ({ runId: id, priority })));
    queue.consume((delivery) => this.#supervise(delivery));
    this.#unsubscribe = registry.onChange(() => this.#reaper.reap());
    const tick = () => {
      this.#reconciler = setTimeout(() => {
        this.#reaper.reap();
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

  async #supervise(delivery: Delivery): Promise<Disposition> {
    const { runId } = delivery;
    const { runs, notifier } = this.#options;
    // Where the queue delivers a run again to the process that still has it, the old supervision has been told to end.
    await this.#live.get(runId)?.ended;
    const tenure = await runs.acquire(runId).catch(ignoreMissing);
    if (!tenure) return { kind: 'done' };
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
    const { runs, queue } = this.#options;
    const live = [...this.#live];
    const unfinished = new Map((await runs.listUnfinished()).map((run) => [run.id, run]));
    for (const [runId, supervision] of live) {
      const status = unfinished.get(runId)?.status;
      if (status === undefined || status === 'CANCELLING') supervision.cancel();
    }
    this.#rounds += 1;
    if (this.#rounds % ROUNDS_PER_ENQUEUE !== 0) return;
    const orphans = [...unfinished.values()].filter(({ id }) => !this.#live.has(id));
    await queue.enqueueAll(orphans.map(({ id, priority }) => ({ runId: id, priority })));
  }
}

const ROUNDS_PER_ENQUEUE = 15;
