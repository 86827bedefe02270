/** The record of imported and trained models. Presets are part of the code; callers put them in front. */
import { type Model, TriptychError } from '@triptych/protocol';
import type { InsertOptions } from './artifact-holds.ts';
import { recordAct } from './audit-log.ts';
import { type Database, isDuplicate, json } from './database.ts';
import type { Model as ModelRow, Prisma } from './generated/client.ts';
import { newId } from './identifier.ts';
import { after, DEFAULT_LIMIT, newestFirst, type PageRequest, pageOf } from './page-cursor.ts';

/** What the files of a model say about it, in the form of its row. */
export interface ModelDescription {
  readonly architecture: string;
  readonly parameters: bigint;
  readonly config: Prisma.InputJsonValue;
  readonly files: Prisma.InputJsonValue;
}

export interface ImportedModel {
  readonly name: string;
  readonly architecture: string;
  readonly description: string;
  readonly parameters: number;
  readonly config: Record<string, unknown>;
  readonly artifact: string;
  readonly files: readonly { path: string; sha256: string; bytes: number }[];
  readonly weights: { readonly sha256: string; readonly bytes: number };
}

export class ModelStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** `NAME_TAKEN` where a model has that name. */
  async insert(model: ImportedModel, { act, hold }: InsertOptions = {}): Promise<Model> {
    const { weights, parameters, config, files, ...rest } = model;
    const { client } = this.#database;
    const id = newId('model');
    try {
      return await client.$transaction(async (transaction) => {
        await hold?.confirm(transaction);
        const row = await transaction.model.create({
          data: {
            id,
            kind: 'imported',
            parameters: BigInt(parameters),
            config: json(config),
            files: json(files),
            weightsSha256: weights.sha256,
            weightsBytes: BigInt(weights.bytes),
            ...rest,
          },
        });
        await recordAct(transaction, act, id);
        return modelOf(row);
      });
    } catch (cause) {
      if (!isDuplicate(cause)) throw cause;
      throw new TriptychError('NAME_TAKEN', `A model named ${model.name} exists; choose another name`, {
        cause,
      });
    }
  }

  /** By id, or by name. */
  async find(idOrName: string): Promise<Model | undefined> {
    const row = await this.#database.client.model.findFirst({
      where: { OR: [{ id: idOrName }, { name: idOrName }] },
    });
    return row ? modelOf(row) : undefined;
  }

  async list({
    limit = DEFAULT_LIMIT,
    cursor,
  }: PageRequest): Promise<{ items: Model[]; nextCursor?: string }> {
    const rows = await this.#database.client.model.findMany({
      where: after(cursor),
      orderBy: newestFirst,
      take: limit + 1,
    });
    return pageOf(rows, { limit, item: modelOf });
  }
}

const modelOf = (row: ModelRow): Model => ({
  id: row.id,
  name: row.name,
  kind: row.kind as Model['kind'],
  architecture: row.architecture,
  parameters: Number(row.parameters),
  description: row.description,
  config: row.config as Model['config'],
  artifact: row.artifact,
  weights: { sha256: row.weightsSha256, bytes: Number(row.weightsBytes) },
  files: row.files as NonNullable<Model['files']>,
  ...(row.runId === null ? {} : { runId: row.runId }),
  createdAt: row.createdAt.toISOString(),
});
