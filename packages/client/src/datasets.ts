/** Datasets: register a folder, follow how it is read, see what is in it, delete it. */
import {
  type Dataset,
  failureOf,
  isReady,
  type ReadyDataset,
  type RegisterDataset,
  TriptychError,
} from '@triptych/protocol';
import { type Call, type Connection, path } from './connection.ts';
import { eachItem } from './pages.ts';
import { pause } from './pause.ts';
import { openStream } from './server-stream.ts';

export interface FollowDataset extends Call {
  /** The wait before connecting again; 250 ms by default. */
  readonly reconnectMs?: number;
  /** A connection on which nothing comes for so long is given up as dead; 60 s by default. */
  readonly silenceMs?: number;
}

export class Datasets {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Resolves as soon as the folder, which is the control plane's, is accepted: it is then read, and the dataset VALIDATING. See
   * {@link ready}.
   */
  register(dataset: RegisterDataset, { signal }: Call = {}): Promise<Dataset> {
    return this.#connection.json({ method: 'POST', path: '/v1/datasets', body: dataset, signal });
  }

  /** By id or name: the dataset now, and whenever it has changed, until it is READY or INVALID; across lost connections. */
  async *follow(
    id: string,
    { reconnectMs = 250, silenceMs = 60_000, signal }: FollowDataset = {},
  ): AsyncGenerator<Dataset, void, void> {
    const stream = { path: path`/v1/datasets/${id}/events`, what: `dataset ${id}`, silenceMs, signal };
    for (let told = ''; ; await pause(reconnectMs, signal)) {
      try {
        for await (const { data } of openStream(this.#connection, stream)) {
          if (data === told) continue;
          told = data;
          const dataset = JSON.parse(data) as Dataset;
          yield dataset;
          if (dataset.state !== 'VALIDATING') return;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof TriptychError) || !error.kind.retry) throw error;
      }
    }
  }

  /** By id or name, when it is READY. Rejects with what is wrong with it where it is INVALID. */
  async ready(
    id: string,
    { onChange, ...options }: FollowDataset & { readonly onChange?: (dataset: Dataset) => void } = {},
  ): Promise<ReadyDataset> {
    for await (const dataset of this.follow(id, options)) {
      onChange?.(dataset);
      if (isReady(dataset)) return dataset;
      if (dataset.state === 'INVALID') throw failureOf(dataset);
    }
    throw new TriptychError('NOT_FOUND', `There is no dataset ${id} any more`);
  }

  /** Ends the reading of a folder. ILLEGAL_STATE where it has been read. */
  cancel(id: string, { signal }: Call = {}): Promise<Dataset> {
    return this.#connection.json({ method: 'POST', path: path`/v1/datasets/${id}/cancel`, signal });
  }

  list({ signal }: Call = {}): AsyncGenerator<Dataset, void, void> {
    return eachItem(this.#connection, { path: '/v1/datasets', signal });
  }

  /** By id or name. */
  get(id: string, { signal }: Call = {}): Promise<Dataset> {
    return this.#connection.json({ path: path`/v1/datasets/${id}`, signal });
  }

  /** By id or name; ends its reading where that goes on. ILLEGAL_STATE where runs that are not over train on it. */
  delete(id: string, { signal }: Call = {}): Promise<void> {
    return this.#connection.delete({ path: path`/v1/datasets/${id}`, signal });
  }
}
