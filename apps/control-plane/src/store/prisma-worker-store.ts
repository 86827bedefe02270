/** {@link WorkerStore} on Postgres. A worker's state is derived, never stored: from its lease, its wish to leave, its assignment. */
import type { Backend, Numerics, Worker } from '@triptych/protocol';
import type { Database } from './database.ts';
import type { Worker as WorkerRow } from './generated/client.ts';
import { storable } from './storable.ts';
import type { LeaseReport, WorkerRegistration, WorkerStore } from './worker-store.ts';

const DEFAULT_KEEP_LOST_MS = 10 * 60_000;

export class PrismaWorkerStore implements WorkerStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async register({ id, memoryBytes, ...worker }: WorkerRegistration): Promise<void> {
    const fields = storable({ ...worker, memoryBytes: BigInt(memoryBytes), draining: false, leftAt: null });
    await this.#client.worker.upsert({
      where: { id },
      create: { id, ...fields },
      update: { ...fields, registeredAt: new Date() },
    });
  }

  async renew(workerId: string, { memoryUsedBytes, ...report }: LeaseReport): Promise<boolean> {
    const { count } = await this.#client.worker.updateMany({
      where: { id: workerId, leftAt: null },
      data: { ...report, memoryUsedBytes: BigInt(memoryUsedBytes) },
    });
    return count > 0;
  }

  async leave(workerId: string): Promise<void> {
    const now = new Date();
    await this.#client.worker.updateMany({
      where: { id: workerId },
      data: { leaseExpiresAt: now, leftAt: now },
    });
  }

  async list(options: { now: Date; keepLostMs?: number; pool?: string }): Promise<Worker[]> {
    const { now, keepLostMs = DEFAULT_KEEP_LOST_MS, pool } = options;
    const rows = await this.#client.worker.findMany({
      where: {
        leftAt: null,
        leaseExpiresAt: { gt: new Date(now.getTime() - keepLostMs) },
        ...(pool === undefined ? {} : { pool }),
      },
      include: {
        assignments: { where: { heldWorkerId: { not: null } }, select: { runId: true, rank: true } },
      },
      orderBy: [{ registeredAt: 'asc' }, { id: 'asc' }],
    });
    return rows.map((row) => workerOf(row, now));
  }

  async forget(before: Date): Promise<number> {
    const { count } = await this.#client.worker.deleteMany({
      where: { leaseExpiresAt: { lt: before }, assignments: { none: { heldWorkerId: { not: null } } } },
    });
    return count;
  }

  get #client() {
    return this.#database.client;
  }
}

function workerOf(row: WorkerRow & { assignments: { runId: string; rank: number }[] }, now: Date): Worker {
  const held = row.assignments[0];
  const alive = row.leaseExpiresAt > now;
  return {
    id: row.id,
    address: row.address,
    pool: row.pool,
    backend: row.backend as Backend,
    device: row.device,
    threads: row.threads,
    memoryBytes: Number(row.memoryBytes),
    memoryUsedBytes: Number(row.memoryUsedBytes),
    eventLoopLagMs: row.eventLoopLagMs,
    version: row.version,
    ...(row.numerics === null ? {} : { numerics: row.numerics as Numerics }),
    state: !alive ? 'lost' : row.draining ? 'draining' : held ? 'busy' : 'idle',
    ...(held ? { runId: held.runId, rank: held.rank } : {}),
    registeredAt: row.registeredAt.toISOString(),
    leaseExpiresAt: row.leaseExpiresAt.toISOString(),
  };
}
