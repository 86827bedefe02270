/**
 * The record of registered datasets. Their images are in the artifact store, under the manifest's hash. One that was deleted is
 * kept as a row for the runs of the past, under a name that nobody else can have.
 */
import { type Dataset, type Run, type SplitSummary, TriptychError } from '@triptych/protocol';
import type { InsertOptions } from './artifact-holds.ts';
import { recordAct } from './audit-log.ts';
import { type Database, isDuplicate, json } from './database.ts';
import type { Dataset as DatasetRow } from './generated/client.ts';
import { newId } from './identifier.ts';
import { after, DEFAULT_LIMIT, newestFirst, type PageRequest, pageOf } from './page-cursor.ts';
import { storable } from './storable.ts';

export class DatasetStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** `NAME_TAKEN` where a dataset has that name. */
  async insert(
    dataset: Omit<Dataset, 'id' | 'createdAt'>,
    { act, hold }: InsertOptions = {},
  ): Promise<Dataset> {
    const { bytes, splits, classNames, problems, ...rest } = dataset;
    const { client } = this.#database;
    const id = newId('dataset');
    try {
      return await client.$transaction(async (transaction) => {
        await hold?.confirm(transaction);
        const row = await transaction.dataset.create({
          data: {
            id,
            ...rest,
            bytes: BigInt(bytes),
            splits: json(splits),
            // Names of files and folders may hold what Postgres does not take.
            classNames: json(storable(classNames)),
            problems: json(storable(problems)),
          },
        });
        await recordAct(transaction, act, id);
        return datasetOf(row);
      });
    } catch (cause) {
      throw isDuplicate(cause) ? datasetNameTaken(dataset.name, cause) : cause;
    }
  }

  /** By id, or by name. */
  async find(idOrName: string): Promise<Dataset | undefined> {
    const row = await this.#database.client.dataset.findFirst({
      where: { deletedAt: null, OR: [{ id: idOrName }, { name: idOrName }] },
    });
    return row ? datasetOf(row) : undefined;
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
}

export const datasetNameTaken = (name: string, cause?: unknown): TriptychError =>
  new TriptychError('NAME_TAKEN', `A dataset named ${name} exists; choose another name`, { cause });

/** A blank is in no name that a user can give. */
export const nameOfDeleted = ({ name, id }: { name: string; id: string }): string => `${name} ${id}`;

const datasetOf = (row: DatasetRow): Dataset => ({
  id: row.id,
  name: row.name.split(' ')[0] ?? row.name,
  format: row.format as Dataset['format'],
  path: row.path,
  manifest: row.manifest,
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
