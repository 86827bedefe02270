/** Models: presets, imported ones and trained ones, and their files. */
import { createHash } from 'node:crypto';
import { type ImportModel, type InterpolateModels, type Model, TriptychError } from '@triptych/protocol';
import { type Call, type Connection, path } from './connection.ts';
import { eachItem } from './pages.ts';

/** One file of a model's Hugging Face layout, as {@link Model} lists it. */
export type ModelFile = NonNullable<Model['files']>[number];

export interface ModelFileRequest extends Call {
  /** Id or name. */
  readonly model: string;
  readonly file: ModelFile;
}

export class Models {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  list({ signal }: Call = {}): AsyncGenerator<Model, void, void> {
    return eachItem(this.#connection, { path: '/v1/models', signal });
  }

  /** By id or name. */
  get(id: string, { signal }: Call = {}): Promise<Model> {
    return this.#connection.json({ path: path`/v1/models/${id}`, signal });
  }

  /** By id or name. ILLEGAL_STATE where runs that are not over start from it. */
  delete(id: string, { signal }: Call = {}): Promise<void> {
    return this.#connection.delete({ path: path`/v1/models/${id}`, signal });
  }

  import(model: ImportModel, { signal }: Call = {}): Promise<Model> {
    return this.#connection.json({ method: 'POST', path: '/v1/models', body: model, signal });
  }

  /** A model between two others (WiSE-FT). */
  interpolate(models: InterpolateModels, { signal }: Call = {}): Promise<Model> {
    return this.#connection.json({
      method: 'POST',
      path: '/v1/models/interpolations',
      body: models,
      signal,
    });
  }

  /** The file's bytes in order. ARTIFACT_CORRUPT after the last chunk where they are not what the listed hash promises. */
  async *read({ model, file, signal }: ModelFileRequest): AsyncGenerator<Uint8Array, void, void> {
    const filePath = file.path.split('/').map(encodeURIComponent).join('/');
    const response = await this.#connection.open({
      path: `${path`/v1/models/${model}`}/files/${filePath}`,
      headers: { accept: '*/*' },
      signal,
    });
    const hash = createHash('sha256');
    for await (const chunk of response.body ?? []) {
      hash.update(chunk);
      yield chunk;
    }
    const actual = hash.digest('hex');
    if (actual === file.sha256) return;
    throw new TriptychError(
      'ARTIFACT_CORRUPT',
      `${file.path} of model ${model} should have sha256 ${file.sha256} but came with ${actual}; download it again`,
    );
  }
}
