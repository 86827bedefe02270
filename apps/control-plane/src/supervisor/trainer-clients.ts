/** Connections to workers' trainers: one for each address, opened when first needed; those of workers that are gone are closed. */
import { credentials } from '@grpc/grpc-js';
import { ClientSource, channelOptions, worker } from '@triptych/protocol';
import { fromServiceError } from '../grpc/service-error.ts';

const MOST_CONNECTIONS = 1024;
/** A worker that is gone may be told to stop once more, and may come back. */
const KEPT_WITHOUT_WORKER_MS = 60_000;

export class TrainerClients {
  readonly #sources = new Map<string, ClientSource<worker.TrainerClient>>();
  /** Since when nobody is registered at an address. */
  readonly #absentSince = new Map<string, number>();

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

  get size(): number {
    return this.#sources.size;
  }

  /** To be called now and then: closes connections to addresses at which nobody has been registered for a minute. */
  keepOnly(registered: Iterable<string>, now: number = performance.now()): void {
    const present = new Set(registered);
    for (const [address, source] of this.#sources) {
      const since = this.#absentSince.get(address) ?? now;
      if (present.has(address)) this.#absentSince.delete(address);
      else if (now - since < KEPT_WITHOUT_WORKER_MS) this.#absentSince.set(address, since);
      else {
        this.#sources.delete(address);
        this.#absentSince.delete(address);
        source.close();
      }
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
    this.#absentSince.delete(oldest[0]);
    oldest[1].close();
  }
}
