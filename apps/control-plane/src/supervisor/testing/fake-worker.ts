/**
 * A worker without tensors: a real gRPC server whose training is a script. Like a real one it registers, sends heartbeats,
 * keeps its events for a supervisor that comes back, and lets a newer owner win over an older one. It makes one prediction at a
 * time while it trains nothing.
 */
import { credentials, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { type Backend, control, TriptychError, worker } from '@triptych/protocol';
import { toServiceError } from '../../grpc/service-error.ts';

export type TrainerEvent = NonNullable<worker.TrainEvent['event']>;

export type Script = (request: worker.TrainRequest, fake: FakeWorker) => AsyncGenerator<TrainerEvent>;

export type PredictionScript = (
  request: worker.PredictRequest,
  signal: AbortSignal,
) => AsyncGenerator<NonNullable<worker.PredictEvent['event']>>;

export interface FakeWorkerOptions {
  readonly controlPort: number;
  readonly script: Script;
  readonly predictions?: PredictionScript;
  readonly heartbeatMs?: number;
  readonly backend?: Backend;
}

type TrainCall = ServerWritableStream<worker.TrainRequest, worker.TrainEvent>;

interface Training {
  readonly request: worker.TrainRequest;
  readonly abort: AbortController;
  readonly log: worker.TrainEvent[];
  token: number;
  follower: TrainCall | undefined;
  isOver: boolean;
}

export class FakeWorker {
  readonly trains: worker.TrainRequest[] = [];
  readonly stops: worker.StopRequest[] = [];
  readonly predicts: worker.PredictRequest[] = [];
  #prediction: AbortController | undefined;
  workerId = '';
  #options: FakeWorkerOptions;
  #server = new Server();
  #client: control.ControlClient;
  #heartbeat: NodeJS.Timeout | undefined;
  #training: Training | undefined;
  #port = 0;
  #gates = new Map<
    string,
    { reached: () => void; open: Promise<void>; release: () => void; arrived: Promise<void> }
  >();

  private constructor(options: FakeWorkerOptions) {
    this.#options = options;
    this.#client = clientAt(options.controlPort);
  }

  static async start(options: FakeWorkerOptions): Promise<FakeWorker> {
    const fake = new FakeWorker(options);
    await fake.#listen();
    await fake.#register();
    return fake;
  }

  /** The script waits here until the test opens the gate. A stop or a crash ends the waiting. */
  async pauseAt(name: string): Promise<void> {
    const gate = this.#gate(name);
    gate.reached();
    const training = this.#training as Training;
    const { signal } = training.abort;
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      gate.open.then(resolve);
    });
  }

  /** Resolves when the script has come to the gate. */
  reached(name: string): Promise<void> {
    return this.#gate(name).arrived;
  }

  open(name: string): void {
    this.#gate(name).release();
  }

  /** What the survivors of a broken collective report. */
  abortCollective(message: string): void {
    this.#training?.abort.abort(new TriptychError('COLLECTIVE_ABORTED', message));
  }

  /** The process dies: its sockets close, its heartbeats end. */
  crash(): void {
    clearInterval(this.#heartbeat);
    this.#server.forceShutdown();
    this.#training?.abort.abort(new TriptychError('INTERNAL', 'killed'));
    this.#client.close();
  }

  /** The process hangs: its sockets stay open, nothing is answered any more. */
  hang(): void {
    clearInterval(this.#heartbeat);
    this.#client.close();
  }

  /** A control plane came up elsewhere. */
  async moveTo(controlPort: number): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#client.close();
    this.#client = clientAt(controlPort);
    await this.#register();
  }

  close(): void {
    this.crash();
  }

  async #listen(): Promise<void> {
    this.#server.addService(worker.TrainerService, {
      train: (call: TrainCall) => this.#train(call),
      predict: (call) => {
        this.#predict(call).then(
          () => call.end(),
          (error: unknown) => (call.cancelled ? call.end() : call.emit('error', toServiceError(error))),
        );
      },
      stop: (call, callback) => {
        this.#stop(call.request).then(
          (response) => callback(null, response),
          (error: unknown) => callback(toServiceError(error)),
        );
      },
    } satisfies worker.TrainerServer);
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  #assignments(): control.Assignment[] {
    if (!this.#training || this.#training.isOver) return [];
    const { runId, attempt, generation, rank } = this.#training.request;
    return [{ runId, attempt, generation, rank }];
  }

  async #register(): Promise<void> {
    const request: control.RegisterRequest = {
      workerId: this.workerId,
      address: `:${this.#port}`,
      pool: 'default',
      backend: this.#options.backend ?? 'wasm',
      device: 'fake',
      threads: 1,
      memoryBytes: 1_000_000,
      version: '0.0.0',
      assignments: this.#assignments(),
    };
    const response = await new Promise<control.RegisterResponse>((resolve, reject) => {
      this.#client.register(request, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
    this.workerId = response.workerId;
    this.#heartbeat = setInterval(() => this.#beat(), this.#options.heartbeatMs ?? response.heartbeatMs);
  }

  #beat(): void {
    const condition = { memoryUsedBytes: 0, eventLoopLagMs: 0, draining: false };
    const request = { workerId: this.workerId, assignments: this.#assignments(), ...condition };
    this.#client.heartbeat(request, () => {});
  }

  #train(call: TrainCall): void {
    const { request } = call;
    this.trains.push(request);
    try {
      const training = this.#attach(request);
      training.follower?.emit('error', toServiceError(new TriptychError('FENCED', 'replaced')));
      training.follower = call;
      for (const event of training.log) if (event.sequence > request.afterSequence) call.write(event);
      if (training.isOver) call.end();
    } catch (error) {
      call.emit('error', toServiceError(error));
    }
  }

  async #predict(call: ServerWritableStream<worker.PredictRequest, worker.PredictEvent>): Promise<void> {
    const isTraining = this.#training !== undefined && !this.#training.isOver;
    if (isTraining || this.#prediction) throw new TriptychError('UNAVAILABLE', 'The worker is busy');
    const abort = new AbortController();
    this.#prediction = abort;
    call.once('cancelled', () => abort.abort(new TriptychError('CANCELLED', 'The caller went away')));
    this.predicts.push(call.request);
    try {
      const script = this.#options.predictions;
      for await (const event of script?.(call.request, abort.signal) ?? []) call.write({ event });
    } finally {
      this.#prediction = undefined;
    }
  }

  #attach(request: worker.TrainRequest): Training {
    const current = this.#training;
    if (current && request.fencingToken < current.token) throw new TriptychError('FENCED', 'an older owner');
    const isSame =
      current?.request.runId === request.runId &&
      current.request.attempt === request.attempt &&
      current.request.generation === request.generation;
    if (current && isSame) {
      current.token = request.fencingToken;
      return current;
    }
    if (current && !current.isOver) throw new TriptychError('ILLEGAL_STATE', 'The worker is busy');
    this.#prediction?.abort(new TriptychError('UNAVAILABLE', 'A training takes the worker'));
    const token = request.fencingToken;
    const training: Training = {
      ...{ request, token, abort: new AbortController(), log: [], follower: undefined, isOver: false },
    };
    this.#training = training;
    void this.#run(training);
    return training;
  }

  async #run(training: Training): Promise<void> {
    const tell = (event: TrainerEvent) => {
      const entry = { sequence: training.log.length + 1, atUnixMs: Date.now(), event };
      training.log.push(entry);
      training.follower?.write(entry);
    };
    try {
      for await (const event of this.#options.script(training.request, this)) {
        training.abort.signal.throwIfAborted();
        tell(event);
      }
    } catch (error) {
      const { code, message } = error as TriptychError;
      tell({ $case: 'failed', value: { code: code ?? 'INTERNAL', message, step: 0 } });
    }
    training.isOver = true;
    training.follower?.end();
  }

  async #stop(request: worker.StopRequest): Promise<worker.StopResponse> {
    this.stops.push(request);
    const training = this.#training;
    if (training?.request.runId !== request.runId) return { wasRunning: false };
    if (request.fencingToken < training.token) throw new TriptychError('FENCED', 'an older owner');
    const wasRunning = !training.isOver;
    training.abort.abort(new TriptychError('CANCELLED', request.reason));
    return { wasRunning };
  }

  #gate(name: string) {
    const known = this.#gates.get(name);
    if (known) return known;
    let [reached, release] = [() => {}, () => {}];
    const arrived = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const open = new Promise<void>((resolve) => {
      release = resolve;
    });
    const gate = { reached, arrived, open, release };
    this.#gates.set(name, gate);
    return gate;
  }
}

const clientAt = (port: number): control.ControlClient =>
  new control.ControlClient(`127.0.0.1:${port}`, credentials.createInsecure());
