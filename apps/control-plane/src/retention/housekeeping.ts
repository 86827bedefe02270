/** What nobody needs any more goes by itself: old runs and entries of the audit, workers of long ago, artifacts without a row. One round at a time. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@triptych/runtime';
import type { AuditLog } from '../store/audit-log.ts';
import type { RecordDeletion } from '../store/record-deletion.ts';
import type { WorkerStore } from '../store/worker-store.ts';
import type { ArtifactCollection } from './collection.ts';

export interface HousekeepingOptions {
  readonly collection: ArtifactCollection;
  readonly deletion: Pick<RecordDeletion, 'runsBefore'>;
  readonly workers: Pick<WorkerStore, 'forget'>;
  readonly audit: Pick<AuditLog, 'prune'>;
  readonly logger: Logger;
  /** Days that the audit is kept; 0: for ever. */
  readonly auditDays?: number;
  /** Days that runs are kept after their end; 0: for ever. */
  readonly runDays?: number;
  readonly intervalMs?: number;
  /** From a request to the collection it asks for: several deletions are one collection. */
  readonly soonMs?: number;
}

const DAY_MS = 24 * 60 * 60_000;
const WORKER_DAYS = 7;
const INTERVAL_MS = 10 * 60_000;
const SOON_MS = 5_000;
/** Runs that are deleted in one transaction. */
const RUNS_AT_ONCE = 50;

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #closing = new AbortController();
  #round: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    const { intervalMs = INTERVAL_MS } = this.#options;
    this.#timer = setInterval(() => this.#next(() => this.#all()), intervalMs).unref();
  }

  /** Something was deleted: its artifacts go when the dust has settled. */
  collectSoon(): void {
    const { soonMs = SOON_MS, collection } = this.#options;
    if (this.#closing.signal.aborted) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#next(async () => void (await collection.collect()));
    }, soonMs).unref();
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    await this.#options.collection.close();
    await this.#round;
  }

  #next(work: () => Promise<void>): void {
    this.#round = this.#round.then(work).catch((err: unknown) => {
      if (this.#closing.signal.aborted) return;
      this.#options.logger.warn(
        { event: 'housekeeping-failed', err },
        'Not everything that is old could be removed; it is tried again',
      );
    });
  }

  async #all(): Promise<void> {
    const { collection, deletion, workers, audit, logger, runDays = 0, auditDays = 0 } = this.#options;
    const now = Date.now();
    if (auditDays > 0) await audit.prune(new Date(now - auditDays * DAY_MS));
    if (runDays > 0) {
      const before = new Date(now - runDays * DAY_MS);
      let deleted = 0;
      for (let last = RUNS_AT_ONCE; last === RUNS_AT_ONCE && !this.#closing.signal.aborted; ) {
        last = await deletion.runsBefore(before, RUNS_AT_ONCE);
        deleted += last;
        await delay(0);
      }
      if (deleted > 0)
        logger.info({ event: 'runs-expired', deleted, runDays }, `Deleted ${deleted} runs of long ago`);
    }
    await workers.forget(new Date(now - WORKER_DAYS * DAY_MS));
    await collection.collect();
  }
}
