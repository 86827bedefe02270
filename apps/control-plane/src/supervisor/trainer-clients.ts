/** Connections to workers' trainers: one for each address, opened when first needed; the longest unused are closed. */
import { credentials } from '@grpc/grpc-js';
import { ClientSource, channelOptions, worker } from '@triptych/protocol';
import { fromServiceError } from '../grpc/service-error.ts';

const MOST_CONNECTIONS = 1024;

export class TrainerClients {
  readonly #sources = new Map<string, ClientSource<worker.TrainerClient>>();

  /** For one call: the next may need another client. */
  at(address: string): worker.TrainerClient {
    const source =
      this.#sources.get(address) ??
      new ClientSource(() => new worker.TrainerClient(address, credentials.createInsecure(), channelOptions));
    this.#sources.delete(address);
    this.#sources.set(address, source);
    if (this.#sources.size > MOST_CONNECTIONS) this.#closeOldest();
    return source.client;
  }

  /**
   * Ends the training of a run on a worker; resolves when its compute thread is free.
   * @throws TriptychError `UNAVAILABLE` where the worker does not answer before `signal` is aborted
   */
  async stop(
    address: string,
    request: worker.StopRequest,
    signal: AbortSignal,
  ): Promise<worker.StopResponse> {
    let cancel = () => {};
    try {
      return await new Promise((resolve, reject) => {
        const call = this.at(address).stop(request, (error, response) =>
          error ? reject(fromServiceError(error, `Worker at ${address}`)) : resolve(response),
        );
        cancel = () => call.cancel();
        if (signal.aborted) cancel();
        signal.addEventListener('abort', cancel, { once: true });
      });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  close(): void {
    for (const source of this.#sources.values()) source.close();
    this.#sources.clear();
  }

  #closeOldest(): void {
    const [oldest] = this.#sources;
    if (oldest === undefined) return;
    this.#sources.delete(oldest[0]);
    oldest[1].close();
  }
}
