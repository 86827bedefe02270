/**
 * Takes runs, datasets and models out of the record. What a live run works with stays; what runs of the past tell of a dataset
 * stays readable there. The bytes in the artifact store are the collection's business.
 */
import {
  isTerminal,
  liveStatuses,
  type RunStatus,
  TriptychError,
  terminalStatuses,
} from '@triptych/protocol';
import { type Act, recordAct } from './audit-log.ts';
import type { Database, Transaction } from './database.ts';
import { nameOfDeleted } from './dataset-store.ts';
import { noSuchRun } from './run-write.ts';

/** Runs that are named in a refusal. */
const MOST_NAMED = 3;

export class RecordDeletion {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * With its events, step metrics, scores and checkpoints; the model that it trained stays. `NOT_FOUND`; `ILLEGAL_STATE` where
   * the run is not over.
   */
  async run(runId: string, act?: Act): Promise<void> {
    await this.#client.$transaction(async (transaction) => {
      const { count } = await transaction.run.deleteMany({
        where: { id: runId, status: { in: [...terminalStatuses] } },
      });
      if (count === 0) throw await refusalOf(transaction, runId);
      await forgetDatasets(transaction);
      await recordAct(transaction, act, runId);
    });
  }

  /** Runs that ended before `before`. @returns how many; at most `limit` at once. */
  async runsBefore(before: Date, limit: number): Promise<number> {
    return this.#client.$transaction(async (transaction) => {
      const old = await transaction.run.findMany({
        where: { status: { in: [...terminalStatuses] }, finishedAt: { lt: before } },
        orderBy: { finishedAt: 'asc' },
        take: limit,
        select: { id: true },
      });
      if (old.length === 0) return 0;
      const { count } = await transaction.run.deleteMany({ where: { id: { in: old.map(({ id }) => id) } } });
      await forgetDatasets(transaction);
      return count;
    });
  }

  /** By id or name. @returns its id. `NOT_FOUND`; `ILLEGAL_STATE` while a run that is not over trains on it. */
  async dataset(idOrName: string, act?: Act): Promise<string> {
    return await this.#client.$transaction(async (transaction) => {
      // Locked: a run that is being submitted now either comes before, and is seen, or finds the dataset gone.
      const [dataset] = await transaction.$queryRaw<{ id: string; name: string; manifest: string | null }[]>`
        SELECT id, name, manifest FROM datasets
        WHERE deleted_at IS NULL AND (id = ${idOrName} OR name = ${idOrName}) FOR UPDATE`;
      if (!dataset) throw notFound('dataset', idOrName, 'datasets');
      const { id, name, manifest } = dataset;
      const users = await transaction.$queryRaw<User[]>`
        SELECT id, name, status FROM runs
        WHERE dataset_id = ${id} OR dataset_manifests @> to_jsonb(${manifest}::text)
        ORDER BY status = ANY(${terminalStatuses}), created_at`;
      assertUnused(users, `dataset ${name}`, 'trains on it');
      if (users.length === 0) await transaction.dataset.delete({ where: { id } });
      else
        await transaction.dataset.update({
          where: { id },
          data: { deletedAt: new Date(), name: nameOfDeleted(dataset) },
        });
      await recordAct(transaction, act, id);
      return id;
    });
  }

  /** By id or name. `NOT_FOUND`; `ILLEGAL_STATE` while a run that is not over starts from it. */
  async model(idOrName: string, act?: Act): Promise<void> {
    await this.#client.$transaction(async (transaction) => {
      const [model] = await transaction.$queryRaw<{ id: string; name: string; artifact: string }[]>`
        SELECT id, name, artifact FROM models WHERE id = ${idOrName} OR name = ${idOrName} FOR UPDATE`;
      if (!model) throw notFound('model', idOrName, 'models');
      const { id, name, artifact } = model;
      const users = await transaction.$queryRaw<User[]>`
        SELECT id, name, status FROM runs
        WHERE status = ANY(${liveStatuses}) AND (base_artifact = ${artifact}
          OR EXISTS (SELECT FROM jsonb_each_text(tower_artifacts) AS tower WHERE tower.value = ${artifact}))
        ORDER BY created_at`;
      assertUnused(users, `model ${name}`, 'starts from it');
      await transaction.model.delete({ where: { id } });
      await recordAct(transaction, act, id);
    });
  }

  get #client() {
    return this.#database.client;
  }
}

interface User {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
}

function assertUnused(users: readonly User[], what: string, how: string): void {
  const alive = users.filter(({ status }) => !isTerminal(status as RunStatus));
  if (alive.length === 0) return;
  const named = alive.slice(0, MOST_NAMED).map(({ id, name, status }) => `${name ?? id} (${status})`);
  const more = alive.length > MOST_NAMED ? ` and ${alive.length - MOST_NAMED} more` : '';
  throw new TriptychError(
    'ILLEGAL_STATE',
    `The ${what} is in use: run ${named.join(', ')}${more} ${how}; cancel it (POST /v1/runs/{id}/cancel), or wait for its end`,
  );
}

/** Rows of deleted datasets that no run tells of any more. */
async function forgetDatasets(transaction: Transaction): Promise<void> {
  await transaction.$executeRaw`
    DELETE FROM datasets WHERE deleted_at IS NOT NULL AND NOT EXISTS (
      SELECT FROM runs WHERE dataset_id = datasets.id OR dataset_manifests @> to_jsonb(datasets.manifest))`;
}

async function refusalOf(transaction: Transaction, runId: string): Promise<TriptychError> {
  const run = await transaction.run.findUnique({ where: { id: runId }, select: { status: true } });
  if (!run) return noSuchRun(runId);
  return new TriptychError(
    'ILLEGAL_STATE',
    `Run ${runId} is ${run.status}; only a run that is over can be deleted: cancel it first (POST /v1/runs/{id}/cancel)`,
  );
}

const notFound = (what: string, idOrName: string, list: string): TriptychError =>
  new TriptychError('NOT_FOUND', `There is no ${what} ${idOrName}; see GET /v1/${list}`);
