/**
 * Connections to workers' trainers: one for each worker, opened when first needed; those of workers that are gone are closed. A worker is
 * called at the address that it announced when it registered, and shown the secret that it gave.
 */
import {
  ClientSource,
  channelOptions,
  channelTo,
  presenting,
  secretKeys,
  type TlsIdentity,
  TriptychError,
  worker,
} from '@triptych/protocol';
import { fromServiceError } from '../grpc/service-error.ts';
import type { WorkerRegistry } from '../registry/worker-registry.ts';

const MOST_CONNECTIONS = 1024;
/** A worker that is gone may be told to stop once more, and may come back. */
const KEPT_WITHOUT_WORKER_MS = 60_000;

export interface TrainerClientsOptions {
  readonly registry: Pick<WorkerRegistry, 'contact'>;
  readonly tls?: TlsIdentity | undefined;
}

interface Connection {
  readonly address: string;
  readonly source: ClientSource<worker.TrainerClient>;
}

export class TrainerClients {
  readonly #options: TrainerClientsOptions;
  readonly #connections = new Map<string, Connection>();
  /** Since when a worker with a connection is not registered. */
  readonly #absentSince = new Map<string, number>();

  constructor(options: TrainerClientsOptions) {
    this.#options = options;
  }

  /** For one call: the next may need another client. @throws TriptychError `UNAVAILABLE` for a worker that never registered here */
  of(workerId: string): worker.TrainerClient {
    const contact = this.#options.registry.contact(workerId);
    if (!contact)
      throw new TriptychError('UNAVAILABLE', `Worker ${workerId} has not registered with this control plane`);
    const known = this.#connections.get(workerId);
    const connection = known?.address === contact.address ? known : this.#connect(workerId, contact.address);
    if (known !== connection) known?.source.close();
    this.#connections.delete(workerId);
    this.#connections.set(workerId, connection);
    if (this.#connections.size > MOST_CONNECTIONS) this.#closeOldest();
    return connection.source.client;
  }

  /**
   * Ends the training of a run on a worker; resolves when its compute thread is free.
   * @throws TriptychError `UNAVAILABLE` where the worker does not answer before `signal` is aborted
   */
  async stop(
    workerId: string,
    request: worker.StopRequest,
    signal: AbortSignal,
  ): Promise<worker.StopResponse> {
    let cancel = () => {};
    try {
      return await new Promise((resolve, reject) => {
        const call = this.of(workerId).stop(request, (error, response) =>
          error ? reject(trainerError(error, workerId)) : resolve(response),
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
    return this.#connections.size;
  }

  /** To be called now and then: closes connections to workers that have not been registered for a minute. */
  keepOnly(registered: Iterable<string>, now: number = performance.now()): void {
    const present = new Set(registered);
    for (const [workerId, { source }] of this.#connections) {
      const since = this.#absentSince.get(workerId) ?? now;
      if (present.has(workerId)) this.#absentSince.delete(workerId);
      else if (now - since < KEPT_WITHOUT_WORKER_MS) this.#absentSince.set(workerId, since);
      else {
        this.#connections.delete(workerId);
        this.#absentSince.delete(workerId);
        source.close();
      }
    }
  }

  close(): void {
    for (const { source } of this.#connections.values()) source.close();
    this.#connections.clear();
  }

  #connect(workerId: string, address: string): Connection {
    const { registry, tls } = this.#options;
    const shown = presenting(secretKeys.trainer, () => registry.contact(workerId)?.trainerSecret);
    const options = { ...channelOptions, interceptors: [shown] };
    return {
      address,
      source: new ClientSource(() => new worker.TrainerClient(address, ...channelTo('worker', tls, options))),
    };
  }

  #closeOldest(): void {
    const [oldest] = this.#connections;
    if (oldest === undefined) return;
    this.#connections.delete(oldest[0]);
    oldest[1].source.close();
    this.#absentSince.delete(oldest[0]);
  }
}

/** What a call of a trainer ended with. A process that does not know this control plane has taken the place of the worker. */
export function trainerError(error: unknown, workerId: string): TriptychError {
  const coded = fromServiceError(error, `Worker ${workerId}`);
  if (coded.code !== 'UNAUTHENTICATED') return coded;
  const message = `Worker ${workerId} is gone: the process at its address is another one (${coded.message})`;
  return new TriptychError('WORKER_LOST', message, { cause: error });
}
