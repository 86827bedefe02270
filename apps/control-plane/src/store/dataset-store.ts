/**
 * The record of registered datasets. Their images are in the artifact store, under the manifest's hash. One that was deleted is
 * kept as a row for the runs of the past, under a name that nobody else can have.
 */
import {
  type Dataset,
  type DatasetFailure,
  type DatasetProgress,
  type RegisterDataset,
  type Run,
  type SplitSummary,
  TriptychError,
} from '@triptych/protocol';
import type { ArtifactHold } from './artifact-holds.ts';
import { type Act, recordAct } from './audit-log.ts';
import { type Database, isDuplicate, json } from './database.ts';
import { type Dataset as DatasetRow, Prisma } from './generated/client.ts';
import { newId } from './identifier.ts';
import { after, DEFAULT_LIMIT, newestFirst, type PageRequest, pageOf } from './page-cursor.ts';
import { storable } from './storable.ts';

/** What the reading of a folder found. */
export type DatasetFacts = Required<
  Pick<Dataset, 'format' | 'manifest' | 'bytes' | 'splits' | 'classNames' | 'problems'>
>;

const WAITING: DatasetProgress = { phase: 'waiting', done: 0, total: 0 };
const VALIDATING = { state: 'VALIDATING' } satisfies Partial<Dataset>;

export class DatasetStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** VALIDATING, in the place of one of that name that was INVALID. `NAME_TAKEN` where another dataset has the name. */
  async begin({ name, path, format = 'auto' }: RegisterDataset, act?: Act): Promise<Dataset> {
    const { client } = this.#database;
    const id = newId('dataset');
    try {
      const row = await client.$transaction(async (transaction) => {
        await transaction.dataset.deleteMany({ where: { name, state: 'INVALID' } });
        const created = await transaction.dataset.create({
          data: { id, name, path, format, ...VALIDATING, progress: json(WAITING) },
        });
        await recordAct(transaction, act, id);
        return created;
      });
      return datasetOf(row);
    } catch (cause) {
      throw isDuplicate(cause) ? datasetNameTaken(name, cause) : cause;
    }
  }

  /** Those whose folders are still to be read, the oldest first. */
  async unread(): Promise<Dataset[]> {
    const rows = await this.#database.client.dataset.findMany({
      where: { ...VALIDATING, deletedAt: null },
      orderBy: { createdAt: 'asc' },
    });
    return rows.map(datasetOf);
  }

  /** Somebody begins to read it. @returns how often that was so without an end, this time included; undefined: nobody wants it any more. */
  async take(id: string): Promise<number | undefined> {
    const [row] = await this.#database.client.dataset.updateManyAndReturn({
      where: { id, ...VALIDATING },
      data: { tries: { increment: 1 } },
      select: { tries: true },
    });
    return row?.tries;
  }

  /** Puts it back, to be taken again: the reader ended in good order. */
  async putBack(id: string, message?: string): Promise<void> {
    await this.#change(id, {
      tries: 0,
      progress: json({ ...WAITING, ...(message === undefined ? {} : { message }) }),
    });
  }

  /** @returns false where nobody wants it any more. So do `ready` and `fail`. */
  progress(id: string, progress: DatasetProgress): Promise<boolean> {
    return this.#change(id, { progress: json(progress) });
  }

  /** `hold`: under which its artifacts were stored. */
  async ready(
    id: string,
    { bytes, splits, classNames, problems, ...rest }: DatasetFacts,
    hold?: Pick<ArtifactHold, 'confirm'>,
  ): Promise<boolean> {
    return this.#database.client.$transaction(async (transaction) => {
      await hold?.confirm(transaction);
      const { count } = await transaction.dataset.updateMany({
        where: { id, ...VALIDATING },
        data: {
          ...rest,
          state: 'READY',
          progress: Prisma.DbNull,
          bytes: BigInt(bytes),
          splits: json(splits),
          // Names of files and folders may hold what Postgres does not take.
          classNames: json(storable(classNames)),
          problems: json(storable(problems)),
        },
      });
      return count > 0;
    });
  }

  fail(id: string, failure: DatasetFailure): Promise<boolean> {
    return this.#change(id, invalid(failure));
  }

  /** By id or name: INVALID, because somebody wants it so. `NOT_FOUND`; `ILLEGAL_STATE` where it has been read. */
  async cancel(idOrName: string, act?: Act): Promise<Dataset> {
    return this.#database.client.$transaction(async (transaction) => {
      const where = { deletedAt: null, OR: [{ id: idOrName }, { name: idOrName }] };
      const [row] = await transaction.dataset.updateManyAndReturn({
        where: { ...where, ...VALIDATING },
        data: invalid({
          code: 'CANCELLED',
          message: `The registration was cancelled${act?.actor ? ` by ${act.actor}` : ''}; register it again`,
        }),
      });
      if (row) {
        await recordAct(transaction, act, row.id);
        return datasetOf(row);
      }
      const other = await transaction.dataset.findFirst({ where, select: { state: true } });
      if (!other) throw noSuchDataset(idOrName);
      throw new TriptychError(
        'ILLEGAL_STATE',
        `Dataset ${idOrName} is ${other.state}; only a registration that is under way can be cancelled: delete the dataset instead (DELETE /v1/datasets/{id})`,
      );
    });
  }

  /** By id, or by name. */
  async find(idOrName: string): Promise<Dataset | undefined> {
    const row = await this.#database.client.dataset.findFirst({
      where: { deletedAt: null, OR: [{ id: idOrName }, { name: idOrName }] },
    });
    return row ? datasetOf(row) : undefined;
  }

  /** {@link find}; `NOT_FOUND` where there is none. */
  async get(idOrName: string): Promise<Dataset> {
    const dataset = await this.find(idOrName);
    if (!dataset) throw noSuchDataset(idOrName);
    return dataset;
  }

  /** What a run trains on or was trained on, in the order of its spec, also where it was deleted since. */
  async ofRun(run: Run): Promise<Dataset[]> {
    const { client } = this.#database;
    const { datasetManifests } = await client.run.findUniqueOrThrow({
      where: { id: run.id },
      select: { datasetManifests: true },
    });
    const manifests = (datasetManifests as string[] | null) ?? [];
    const rows = await client.dataset.findMany({
      where: { OR: [{ id: run.datasetId }, { manifest: { in: manifests } }] },
    });
    const [first, ...others] = run.spec.datasets ?? [{ name: run.spec.dataset }];
    const all = rows.map(datasetOf);
    return [
      all.find(({ id }) => id === run.datasetId),
      ...others.map(({ name }, i) => {
        const same = all.filter(({ manifest }) => manifest === manifests[i + 1]);
        return same.find((one) => one.name === name) ?? same[0];
      }),
    ].flatMap((dataset, i) =>
      dataset ? [i === 0 && first ? { ...dataset, name: first.name } : dataset] : [],
    );
  }

  async list({
    limit = DEFAULT_LIMIT,
    cursor,
  }: PageRequest): Promise<{ items: Dataset[]; nextCursor?: string }> {
    const rows = await this.#database.client.dataset.findMany({
      where: { AND: [{ deletedAt: null }, after(cursor)] },
      orderBy: newestFirst,
      take: limit + 1,
    });
    return pageOf(rows, { limit, item: datasetOf });
  }

  async #change(id: string, data: Prisma.DatasetUpdateManyMutationInput): Promise<boolean> {
    const { count } = await this.#database.client.dataset.updateMany({ where: { id, ...VALIDATING }, data });
    return count > 0;
  }
}

const invalid = (failure: DatasetFailure) => ({
  state: 'INVALID',
  progress: Prisma.DbNull,
  failure: json(storable(failure)),
});

export const datasetNameTaken = (name: string, cause?: unknown): TriptychError =>
  new TriptychError('NAME_TAKEN', `A dataset named ${name} exists; choose another name`, { cause });

const noSuchDataset = (idOrName: string): TriptychError =>
  new TriptychError('NOT_FOUND', `There is no dataset ${idOrName}; see GET /v1/datasets`);

/** A blank is in no name that a user can give. */
export const nameOfDeleted = ({ name, id }: { name: string; id: string }): string => `${name} ${id}`;

const datasetOf = (row: DatasetRow): Dataset => ({
  id: row.id,
  name: row.name.split(' ')[0] ?? row.name,
  state: row.state as Dataset['state'],
  ...(row.progress ? { progress: row.progress as unknown as DatasetProgress } : {}),
  ...(row.failure ? { failure: row.failure as unknown as DatasetFailure } : {}),
  format: row.format,
  path: row.path,
  ...(row.manifest === null ? {} : { manifest: row.manifest }),
  bytes: Number(row.bytes),
  splits: (row.splits as (SplitSummary | SplitSummaryBefore)[]).map(upgradeSplitSummary),
  classNames: row.classNames as Dataset['classNames'],
  problems: row.problems as Dataset['problems'],
  createdAt: row.createdAt.toISOString(),
  ...(row.deletedAt ? { deletedAt: row.deletedAt.toISOString() } : {}),
});

/** Rows of the first release: a sample was one image with captions. */
type SplitSummaryBefore = Omit<SplitSummary, 'samples' | 'contents'>;

function upgradeSplitSummary(stored: SplitSummary | SplitSummaryBefore): SplitSummary {
  if ('contents' in stored) return stored;
  const contents = { captions: stored.images, interleaved: 0, question: 0, conversation: 0 };
  return { ...stored, samples: stored.images, contents };
}
