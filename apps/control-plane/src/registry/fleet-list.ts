/**
 * Workers as readers see them: what the record has of each, in the one state that placement goes by, so that nobody reads
 * "idle" of a worker that no run can get.
 */
import type { Worker } from '@triptych/protocol';
import type { WorkerStore } from '../store/worker-store.ts';
import type { WorkerRegistry } from './worker-registry.ts';

export class FleetList implements Pick<WorkerStore, 'list'> {
  readonly #store: Pick<WorkerStore, 'list'>;
  readonly #registry: Pick<WorkerRegistry, 'occupation'>;

  constructor(store: Pick<WorkerStore, 'list'>, registry: Pick<WorkerRegistry, 'occupation'>) {
    this.#store = store;
    this.#registry = registry;
  }

  /** Those that are here, and those that were lost not long ago. One that has not registered here is lost. */
  async list(options: Parameters<WorkerStore['list']>[0]): Promise<Worker[]> {
    const rows = await this.#store.list(options);
    return rows.map(({ runId, rank, ...row }) => {
      const { state, runId: workedFor, rank: workedAs } = this.#registry.occupation(row.id) ?? lost;
      if (workedFor === undefined) return { ...row, state };
      const seat = workedAs ?? (runId === workedFor ? rank : undefined);
      return { ...row, state, runId: workedFor, ...(seat !== undefined && { rank: seat }) };
    });
  }
}

const lost: { state: Worker['state']; runId?: string; rank?: number } = { state: 'lost' };
