/** Datasets: register a folder, see what is in it. */
import type { Dataset, RegisterDataset } from '@triptych/protocol';
import { type Call, type Connection, path } from './connection.ts';
import { eachItem } from './pages.ts';

export class Datasets {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Resolves when every image has been read and packed, which may take minutes. The folder is the control plane's. */
  register(dataset: RegisterDataset, { signal }: Call = {}): Promise<Dataset> {
    return this.#connection.json({ method: 'POST', path: '/v1/datasets', body: dataset, signal });
  }

  list({ signal }: Call = {}): AsyncGenerator<Dataset, void, void> {
    return eachItem(this.#connection, { path: '/v1/datasets', signal });
  }

  /** By id or name. */
  get(id: string, { signal }: Call = {}): Promise<Dataset> {
    return this.#connection.json({ path: path`/v1/datasets/${id}`, signal });
  }

  /** By id or name. ILLEGAL_STATE where runs that are not over train on it. */
  delete(id: string, { signal }: Call = {}): Promise<void> {
    return this.#connection.delete({ path: path`/v1/datasets/${id}`, signal });
  }
}
