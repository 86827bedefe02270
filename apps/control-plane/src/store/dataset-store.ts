/** The record of registered datasets. Their images are in the artifact store, under the manifest's hash. */
import { type Dataset, type SplitSummary, TriptychError } from '@triptych/protocol';
import { type Act, entriesOf } from './audit-log.ts';
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
  async insert(dataset: Omit<Dataset, 'id' | 'createdAt'>, act?: Act): Promise<Dataset> {
    const { bytes, splits, classNames, problems, ...rest } = dataset;
    const { client } = this.#database;
    const id = newId('dataset');
    try {
      const [row] = await client.$transaction([
        client.dataset.create({
          data: {
            id,
            ...rest,
            bytes: BigInt(bytes),
            splits: json(splits),
            // Names of files and folders may hold what Postgres does not take.
            classNames: json(storable(classNames)),
            problems: json(storable(problems)),
          },
        }),
        ...entriesOf(client, act, id),
      ]);
      return datasetOf(row);
    } catch (cause) {
      throw isDuplicate(cause) ? datasetNameTaken(dataset.name, cause) : cause;
    }
  }

  /** By id, or by name. */
  async find(idOrName: string): Promise<Dataset | undefined> {
    const row = await this.#database.client.dataset.findFirst({
      where: { OR: [{ id: idOrName }, { name: idOrName }] },
    });
    return row ? datasetOf(row) : undefined;
  }

  async list({
    limit = DEFAULT_LIMIT,
    cursor,
  }: PageRequest): Promise<{ items: Dataset[]; nextCursor?: string }> {
    const rows = await this.#database.client.dataset.findMany({
      where: after(cursor),
      orderBy: newestFirst,
      take: limit + 1,
    });
    return pageOf(rows, { limit, item: datasetOf });
  }
}

export const datasetNameTaken = (name: string, cause?: unknown): TriptychError =>
  new TriptychError('NAME_TAKEN', `A dataset named ${name} exists; choose another name`, { cause });

const datasetOf = (row: DatasetRow): Dataset => ({
  id: row.id,
  name: row.name,
  format: row.format as Dataset['format'],
  path: row.path,
  manifest: row.manifest,
  bytes: Number(row.bytes),
  splits: (row.splits as (SplitSummary | SplitSummaryBefore)[]).map(upgradeSplitSummary),
  classNames: row.classNames as Dataset['classNames'],
  problems: row.problems as Dataset['problems'],
  createdAt: row.createdAt.toISOString(),
});

/** Rows of the first release: a sample was one image with captions. */
type SplitSummaryBefore = Omit<SplitSummary, 'samples' | 'contents'>;

function upgradeSplitSummary(stored: SplitSummary | SplitSummaryBefore): SplitSummary {
  if ('contents' in stored) return stored;
  const contents = { captions: stored.images, interleaved: 0, question: 0, conversation: 0 };
  return { ...stored, samples: stored.images, contents };
}
