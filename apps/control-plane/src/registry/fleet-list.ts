/**
 * Workers as readers see them: what the record has of each, in the one state that placement goes by, so that nobody reads
 * "idle" of a worker that no run can get.
 */
import type { Worker, WorkerState } from '@triptych/protocol';
import type { WorkerStore } from '../store/worker-store.ts';
import type { WorkerRegistry } from './worker-registry.ts';

/** What a worker is and does, by its id. */
export type Occupations = ReadonlyMap<string, { state: WorkerState; runId?: string; rank?: number }>;

export const occupationsOf = (registry: Pick<WorkerRegistry, 'fleet' | 'occupation'>): Occupations =>
  new Map(registry.fleet().map(({ id, state }) => [id, registry.occupation(id) ?? { state }]));

export class FleetList implements Pick<WorkerStore, 'list'> {
  readonly #store: Pick<WorkerStore, 'list'>;
  readonly #occupations: () => Promise<Occupations>;

  /** `occupations`: of the leader's workers. */
  constructor(store: Pick<WorkerStore, 'list'>, occupations: () => Promise<Occupations>) {
    this.#store = store;
    this.#occupations = occupations;
  }

  /** Those that are here, and those that were lost not long ago. One that has not registered with the leader is lost. */
  async list(options: Parameters<WorkerStore['list']>[0]): Promise<Worker[]> {
    const [rows, occupations] = await Promise.all([this.#store.list(options), this.#occupations()]);
    return rows.map(({ runId, rank, ...row }) => {
      const { state, runId: workedFor, rank: workedAs } = occupations.get(row.id) ?? lost;
      if (workedFor === undefined) return { ...row, state };
      const seat = workedAs ?? (runId === workedFor ? rank : undefined);
      return { ...row, state, runId: workedFor, ...(seat !== undefined && { rank: seat }) };
    });
  }
}

const lost: { state: Worker['state']; runId?: string; rank?: number } = { state: 'lost' };
