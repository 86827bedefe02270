/** The process of light workers: started with what it must know, and asked how many of them there are. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TriptychError } from '@triptych/protocol';
import type { Stack } from '../../local/index.ts';

const FLEET = fileURLToPath(new URL('../../../../worker/dist/bench/fleet.js', import.meta.url));

export interface FleetOptions {
  readonly stack: Stack;
  readonly joinTokenFile: string;
  readonly workers: number;
  /** Trainings that a worker lives for, on average. */
  readonly trainings: number;
  readonly stepMs: number;
  /** config.json of the models that it makes. */
  readonly config: string;
}

export interface FleetCensus {
  readonly present: number;
  readonly started: number;
  readonly killed: number;
  readonly left: number;
}

export class FleetProcess {
  readonly #process: ChildProcess;
  readonly #workers: number;
  census: FleetCensus = { present: 0, started: 0, killed: 0, left: 0 };

  constructor({ stack, joinTokenFile, ...settings }: FleetOptions) {
    this.#workers = settings.workers;
    this.#process = spawn(
      process.execPath,
      ['--enable-source-maps', FLEET, JSON.stringify({ control: stack.grpcAddress, ...settings })],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env: { ...process.env, TRIPTYCH_JOIN_TOKEN_FILE: joinTokenFile },
      },
    );
    this.#process.on('message', (census) => {
      this.census = census as FleetCensus;
    });
  }

  /** Resolves when all workers are there. */
  async complete(): Promise<void> {
    while (this.census.present < this.#workers) {
      if (this.#process.exitCode !== null)
        throw new TriptychError('UNAVAILABLE', `The fleet ended with code ${this.#process.exitCode}`);
      await delay(50);
    }
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const force = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(force);
  }
}
