/**
 * A worker without tensors: the real trainer, the real registration and a real gRPC server around a training that is a script.
 * It reaches the control plane, and is reached, over wires that a test may cut.
 */
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { memoryGroups } from '@triptych/collective';
import {
  ClientSource,
  channelOptions,
  control,
  drawSecret,
  guarding,
  type NumericsFacts,
  numericsOf,
  TriptychError,
  worker,
} from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { Registration, Trainer, trainerChecks, trainerService } from '@triptych/worker';
import { type Deferred, deferred } from '../../testing/deferred.ts';
import { anyNumerics } from '../../testing/numerics.ts';
import { Wire } from '../../testing/wire.ts';
import { type PredictionScript, type Script, ScriptCompute } from './script-compute.ts';

export interface ScriptedWorkerOptions {
  readonly controlPort: number;
  readonly script: Script<ScriptedWorker>;
  readonly predictions?: PredictionScript;
  /** How it computes. */
  readonly numerics?: Partial<NumericsFacts>;
  /** What it says of that to the control plane, where that is something else. */
  readonly saysNumerics?: Partial<NumericsFacts>;
}

interface Gate {
  readonly arrived: Deferred<void>;
  readonly open: Deferred<void>;
}

const logger = createLogger({ name: 'test', level: 'silent' });

export class ScriptedWorker {
  /** What it was asked, whatever it answered. */
  readonly trains: worker.TrainRequest[] = [];
  readonly stops: worker.StopRequest[] = [];
  readonly predicts: worker.PredictRequest[] = [];
  readonly trainer: Trainer;
  /** From the worker to the control plane. */
  readonly toControl: Wire;
  readonly #options: ScriptedWorkerOptions;
  readonly #compute: ScriptCompute;
  /** Between it and its control plane. */
  readonly secret = drawSecret();
  readonly #server = new Server({
    ...channelOptions,
    interceptors: [guarding(trainerChecks(this.secret))],
  });
  readonly #leaving = new AbortController();
  readonly #gates = new Map<string, Gate>();
  #registration: Registration | undefined;
  #toWorker: Wire | undefined;
  #control: ClientSource<control.ControlClient> | undefined;

  private constructor(options: ScriptedWorkerOptions, toControl: Wire) {
    this.#options = options;
    this.toControl = toControl;
    this.#compute = new ScriptCompute({
      numerics: anyNumerics(options.numerics),
      train: ({ rank }) =>
        options.script(this.trains.findLast((asked) => asked.rank === rank) as worker.TrainRequest, this),
      predict: (_, signal) =>
        options.predictions?.(this.predicts.at(-1) as worker.PredictRequest, signal) ?? nothing(),
    });
    this.trainer = new Trainer({
      ...{ compute: this.#compute, logger, workerId: () => this.workerId },
      // Scripts of several ranks break off together where a test says so.
      hub: { connect: async () => memoryGroups(1)[0]! },
    });
  }

  /** Resolves when it has registered. */
  static async start(options: ScriptedWorkerOptions): Promise<ScriptedWorker> {
    const scripted = new ScriptedWorker(options, await Wire.to(options.controlPort));
    await scripted.#listen();
    await scripted.#register();
    return scripted;
  }

  get workerId(): string {
    return this.#registration?.workerId ?? '';
  }

  /** From the control plane to the worker. */
  get toWorker(): Wire {
    if (!this.#toWorker) throw new Error('the worker has not been started');
    return this.#toWorker;
  }

  /** The script waits here until the test opens the gate. A stop or a crash ends the waiting. */
  async pauseAt(name: string): Promise<void> {
    const gate = this.#gate(name);
    gate.arrived.resolve();
    const { signal } = this.#compute;
    const aborted = deferred<never>();
    const abort = () => aborted.reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    await Promise.race([gate.open.promise, aborted.promise]);
  }

  /** Resolves when the script has come to the gate. */
  reached(name: string): Promise<void> {
    return this.#gate(name).arrived.promise;
  }

  open(name: string): void {
    this.#gate(name).open.resolve();
  }

  /** What the survivors of a broken collective report. */
  abortCollective(message: string): void {
    this.#compute.break(new TriptychError('COLLECTIVE_ABORTED', message));
  }

  /** The process dies: its sockets close, its heartbeats end. */
  crash(): void {
    this.#leaving.abort();
    this.#server.forceShutdown();
    this.#compute.break(new TriptychError('INTERNAL', 'killed'));
    this.#control?.close();
    this.toControl.close();
    this.#toWorker?.close();
  }

  /** The process hangs: its sockets stay open, nothing is answered any more. */
  hang(): void {
    for (const wire of [this.toControl, this.toWorker]) wire.cut('there', 'back');
  }

  /** A control plane came up elsewhere. */
  moveTo(controlPort: number): void {
    this.toControl.retarget(controlPort);
  }

  close(): void {
    this.crash();
  }

  async #listen(): Promise<void> {
    const service = trainerService({ trainer: this.trainer, secret: this.secret, logger });
    this.#server.addService(worker.TrainerService, {
      identify: service.identify,
      train: (call) => {
        this.trains.push(call.request);
        service.train(call);
      },
      predict: (call) => {
        this.predicts.push(call.request);
        service.predict(call);
      },
      stop: (call, callback) => {
        this.stops.push(call.request);
        service.stop(call, callback);
      },
    } satisfies worker.TrainerServer);
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    this.#toWorker = await Wire.to(port);
  }

  #register(): Promise<void> {
    const numerics = numericsOf({ ...this.#compute.numerics, ...this.#options.saysNumerics });
    const { backend, device, threads, version } = numerics;
    const source = new ClientSource(
      () =>
        new control.ControlClient(
          `127.0.0.1:${this.toControl.port}`,
          credentials.createInsecure(),
          channelOptions,
        ),
    );
    this.#control = source;
    return new Promise((resolve) => {
      this.#registration = new Registration({
        ...{ control: source, logger, signal: this.#leaving.signal, onFirst: () => resolve() },
        identity: () => ({
          ...{ address: `:${this.toWorker.port}`, pool: 'default', backend, device, threads },
          ...{ memoryBytes: 1_000_000, version, numerics, assignments: this.trainer.assignments() },
          trainerSecret: this.secret,
        }),
        condition: () => ({
          assignments: this.trainer.assignments(),
          ...{ memoryUsedBytes: 0, eventLoopLagMs: 0, draining: this.trainer.draining },
        }),
      });
    });
  }

  #gate(name: string): Gate {
    const known = this.#gates.get(name);
    if (known) return known;
    const gate = { arrived: deferred(), open: deferred() };
    this.#gates.set(name, gate);
    return gate;
  }
}

async function* nothing(): AsyncGenerator<never> {}
