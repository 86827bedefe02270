/**
 * A worker without a tensor engine, many to a process: registration, trainer, gRPC service and transfers are the real ones; what
 * computes is rehearsed, and ranks have no numbers to exchange.
 */
import { once } from 'node:events';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { memoryGroups } from '@triptych/collective';
import {
  ClientSource,
  channelOptions,
  channelTo,
  control,
  drawSecret,
  guarding,
  numericsOf,
  presenting,
  secretKeys,
  worker,
} from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import { grpcStore } from '../artifacts.ts';
import { listen } from '../listen.ts';
import { Registration } from '../registration.ts';
import { Trainer } from '../trainer.ts';
import { trainerChecks, trainerService } from '../trainer-service.ts';
import { RehearsedCompute } from './rehearsed-compute.ts';

export interface LightWorkerOptions {
  /** host:port of the control plane. */
  readonly control: string;
  readonly joinTokens: readonly string[];
  readonly stepMs: number;
  readonly config: string;
  readonly logger: Logger;
  /** Called before each training. */
  readonly onTrain: () => void;
}

const numerics = numericsOf({
  ...{ backend: 'wasm', device: 'none', gemm: 'onnxruntime', precision: 'float32', threads: 1 },
  ...{ version: '0.1.0', libraries: 'none', arithmetic: 'a'.repeat(12) },
  ...{ pictures: 'b'.repeat(12), text: 'c'.repeat(12) },
});

export class LightWorker {
  readonly #options: LightWorkerOptions;
  readonly #secret = drawSecret();
  readonly #server: Server;
  readonly #control: ClientSource<control.ControlClient>;
  readonly #trainer: Trainer;
  readonly #leaving = new AbortController();
  #registration: Registration | undefined;
  #leaseSecret = '';

  private constructor(options: LightWorkerOptions) {
    this.#options = options;
    const { logger } = options;
    const interceptors = [presenting(secretKeys.lease, () => this.#leaseSecret || undefined)];
    this.#control = new ClientSource(
      () =>
        new control.ControlClient(
          options.control,
          ...channelTo('control-plane', undefined, { ...channelOptions, interceptors }),
        ),
    );
    this.#trainer = new Trainer({
      compute: new RehearsedCompute({ ...options, numerics, store: grpcStore(this.#control) }),
      ...{ logger, workerId: () => this.#registration?.workerId ?? '' },
      hub: { connect: async () => memoryGroups(1)[0]! },
    });
    this.#server = new Server({ ...channelOptions, interceptors: [guarding(trainerChecks(this.#secret))] });
  }

  /** Resolves when it has registered. */
  static async start(options: LightWorkerOptions): Promise<LightWorker> {
    const light = new LightWorker(options);
    await light.#start();
    return light;
  }

  /** Ends in order: nothing new, what is trained goes on elsewhere, and the control plane is told. */
  async leave(): Promise<void> {
    await this.#trainer.drain('rehearsal');
    this.#leaving.abort();
    await this.#registration?.leave('rehearsal');
    this.#close();
  }

  /** As a process that is killed: its sockets close, nobody is told. */
  async crash(): Promise<void> {
    this.#leaving.abort();
    this.#close();
    await this.#trainer.drain('killed');
  }

  #close(): void {
    this.#server.forceShutdown();
    this.#control.close();
  }

  async #start(): Promise<void> {
    const { logger, joinTokens, onTrain } = this.#options;
    const service = trainerService({ trainer: this.#trainer, secret: this.#secret, logger });
    this.#server.addService(worker.TrainerService, {
      ...service,
      train: (call) => {
        onTrain();
        service.train(call);
      },
    } satisfies worker.TrainerServer);
    const credentials = ServerCredentials.createInsecure();
    const port = await listen(this.#server, { hosts: ['127.0.0.1'], port: 0, credentials });
    const { backend, device, threads, version } = numerics;
    const registered = new EventTarget();
    const first = once(registered, 'registered');
    this.#registration = new Registration({
      ...{ control: this.#control, logger, joinTokens, signal: this.#leaving.signal },
      onLease: (secret) => {
        this.#leaseSecret = secret;
      },
      onFirst: () => registered.dispatchEvent(new Event('registered')),
      identity: () => ({
        ...{ address: `127.0.0.1:${port}`, pool: 'default', backend, device, threads, version, numerics },
        ...{ memoryBytes: 2 ** 30, trainerSecret: this.#secret, assignments: this.#trainer.assignments() },
      }),
      condition: () => ({
        ...{ assignments: this.#trainer.assignments(), draining: this.#trainer.draining },
        ...{ memoryUsedBytes: 2 ** 20, eventLoopLagMs: 0 },
      }),
    });
    await first;
  }
}
