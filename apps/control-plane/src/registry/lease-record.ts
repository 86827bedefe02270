/**
 * The registry's part of the record: rows that readers look at. Their times are times of day, for readers; the registry itself
 * keeps leases by a clock that does not jump.
 */
import type { Logger } from '@triptych/runtime';
import type { WorkerStore } from '../store/worker-store.ts';
import type { WorkerCondition, WorkerIdentity } from './worker-entry.ts';

export interface LeaseRecordOptions {
  readonly store: Pick<WorkerStore, 'register' | 'renew' | 'leave'>;
  readonly logger: Logger;
  readonly leaseMs: number;
}

export class LeaseRecord {
  readonly #options: LeaseRecordOptions;

  constructor(options: LeaseRecordOptions) {
    this.#options = options;
  }

  /** The row is there when this resolves. */
  async register(identity: WorkerIdentity): Promise<void> {
    await this.#options.store.register({ ...identity, leaseExpiresAt: this.#leaseEnd() });
  }

  /** Not awaited: a database that is away takes no worker away. */
  renew(identity: WorkerIdentity, condition: WorkerCondition): void {
    const { memoryUsedBytes, eventLoopLagMs, draining } = condition;
    const leaseExpiresAt = this.#leaseEnd();
    this.#write(identity.id, async (store) => {
      const isKnown = await store.renew(identity.id, {
        ...{ leaseExpiresAt, memoryUsedBytes, eventLoopLagMs, draining },
      });
      if (!isKnown) await store.register({ ...identity, leaseExpiresAt });
    });
  }

  async leave(workerId: string): Promise<void> {
    await this.#options.store.leave(workerId);
  }

  /** Not awaited. */
  leaveLater(workerId: string): void {
    this.#write(workerId, (store) => store.leave(workerId));
  }

  #write(workerId: string, write: (store: LeaseRecordOptions['store']) => Promise<void>): void {
    const { store, logger } = this.#options;
    write(store).catch((err: unknown) =>
      logger.warn(
        { event: 'lease-not-written', workerId, err },
        `The lease of ${workerId} was not written down`,
      ),
    );
  }

  #leaseEnd(): Date {
    return new Date(Date.now() + this.#options.leaseMs);
  }
}
