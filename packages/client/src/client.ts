/** The REST API as typed calls. Every failure is a TriptychError with the code, and the violations, of the service. */
import type { Collection, Worker } from '@triptych/protocol';
import { Access } from './access.ts';
import { type Call, Connection, type ConnectionOptions } from './connection.ts';
import { Datasets } from './datasets.ts';
import { Models } from './models.ts';
import { eachItem } from './pages.ts';
import { Predictions } from './predictions.ts';
import { Runs } from './runs.ts';

export class TriptychClient {
  readonly runs: Runs;
  readonly datasets: Datasets;
  readonly models: Models;
  readonly predictions: Predictions;
  readonly access: Access;
  readonly #connection: Connection;

  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options);
    this.runs = new Runs(this.#connection);
    this.datasets = new Datasets(this.#connection);
    this.models = new Models(this.#connection);
    this.predictions = new Predictions(this.#connection);
    this.access = new Access(this.#connection);
  }

  workers({ signal }: Call = {}): AsyncGenerator<Worker, void, void> {
    return eachItem(this.#connection, { path: '/v1/workers', signal });
  }

  /** Removes artifacts that nothing refers to any more; resolves when that is done. */
  collectArtifacts({ signal }: Call = {}): Promise<Collection> {
    const request = { method: 'POST', path: '/v1/artifacts/collections', repeatable: true } as const;
    return this.#connection.json({ ...request, signal });
  }

  /** Whether the process answers (`live`) or can do its work (`ready`). False, not an error, where it cannot. One try. */
  async health(kind: 'live' | 'ready', { signal }: Call = {}): Promise<boolean> {
    try {
      const response = await this.#connection.once({ path: `/health/${kind}`, signal });
      await response.body?.cancel();
      return true;
    } catch {
      signal?.throwIfAborted();
      return false;
    }
  }

  /** The Prometheus text of the control plane. */
  async metrics({ signal }: Call = {}): Promise<string> {
    const response = await this.#connection.open({
      path: '/metrics',
      headers: { accept: 'text/plain' },
      signal,
    });
    return response.text();
  }
}
