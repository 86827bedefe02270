/** Channels to workers' trainers: one for each address, opened when first needed. */
import { credentials } from '@grpc/grpc-js';
import { worker } from '@triptych/protocol';
import { fromServiceError } from '../grpc/service-error.ts';

export class TrainerClients {
  readonly #clients = new Map<string, worker.TrainerClient>();

  at(address: string): worker.TrainerClient {
    const known = this.#clients.get(address);
    if (known) return known;
    const client = new worker.TrainerClient(address, credentials.createInsecure(), {
      'grpc.max_send_message_length': 64 * 1024 * 1024,
      // The defaults wait up to two minutes between attempts to connect; a restarted worker is there in seconds.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
    });
    this.#clients.set(address, client);
    return client;
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
        signal.addEventListener('abort', cancel, { once: true });
      });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }
}
