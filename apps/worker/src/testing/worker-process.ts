/** A real worker process from the built files, and calls on it as a supervisor makes them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { credentials } from '@grpc/grpc-js';
import { presenting, secretKeys, worker } from '@triptych/protocol';
import type { FakeControlPlane } from './fake-control-plane.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

interface Listening {
  readonly port: number;
  readonly workerId: string;
  readonly gemm: string;
}

export class WorkerProcess {
  readonly address: string;
  readonly workerId: string;
  /** Who multiplies matrices. */
  readonly gemm: string;
  readonly client: worker.TrainerClient;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, { port, workerId, gemm }: Listening, plane: FakeControlPlane) {
    this.#process = process;
    this.gemm = gemm;
    this.address = `127.0.0.1:${port}`;
    this.workerId = workerId;
    const secret = () => plane.registered.find(({ address }) => address === this.address)?.trainerSecret;
    this.client = new worker.TrainerClient(this.address, credentials.createInsecure(), {
      interceptors: [presenting(secretKeys.trainer, secret)],
    });
  }

  /** Resolves when it has registered with `plane`. */
  static async start(
    plane: FakeControlPlane,
    env: Readonly<Record<string, string>> = {},
  ): Promise<WorkerProcess> {
    const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
      env: { ...process.env, TRIPTYCH_CONTROL: plane.address, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const log: string[] = [];
    const lines = createInterface({ input: child.stderr! });
    for await (const line of lines) {
      log.push(line);
      const fields = line.startsWith('{') ? (JSON.parse(line) as { event?: string }) : {};
      if (fields.event !== 'listening') continue;
      child.stderr?.resume();
      return new WorkerProcess(child, fields as unknown as Listening, plane);
    }
    throw new Error(`The worker ended before it was ready:\n${log.join('\n')}`);
  }

  /** All events of a call, the last one included. */
  async train(request: worker.TrainRequest): Promise<worker.TrainEvent[]> {
    const events: worker.TrainEvent[] = [];
    for await (const event of this.client.train(request) as AsyncIterable<worker.TrainEvent>)
      events.push(event);
    return events;
  }

  stop(request: worker.StopRequest): Promise<worker.StopResponse> {
    return new Promise((resolve, reject) => {
      this.client.stop(request, (error, response) => (error ? reject(error) : resolve(response)));
    });
  }

  /** @returns the exit code, or the signal that ended it */
  async end(signal: NodeJS.Signals): Promise<number | string> {
    this.client.close();
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode ?? '';
    const gone = once(this.#process, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    this.#process.kill(signal);
    const [code, endedBy] = await gone;
    return code ?? endedBy ?? '';
  }
}
