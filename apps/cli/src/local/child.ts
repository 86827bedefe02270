/** One Node process of the stack: spawned in its own session, logging to a file, tied to the life of this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TriptychError } from '@triptych/protocol';
import type { Life } from './kept-process.ts';
import type { StackEvent, StackProcess } from './options.ts';

const PARENT_WATCH = new URL('../../dist/local/parent-watch.js', import.meta.url).href;
const POLL_MS = 20;

export interface ChildOptions {
  readonly name: string;
  /** The built JavaScript file to run. */
  readonly entry: URL;
  readonly env: NodeJS.ProcessEnv;
  /** Appended to. */
  readonly logPath: string;
  readonly onEvent: (event: StackEvent) => void;
}

/** The fields of the log line with which a process says that it is ready. */
export type Readiness = Readonly<Record<string, unknown>>;

export class Child implements StackProcess, Life {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<string>;
  readonly #onEvent: (event: StackEvent) => void;
  readonly #startedAt = performance.now();
  readonly #logStart: number;
  #ending = false;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.logPath = options.logPath;
    this.#onEvent = options.onEvent;
    const log = openSync(options.logPath, 'a');
    this.#logStart = statSync(options.logPath).size;
    // `detached`: a Ctrl-C in the terminal reaches the launcher alone, which then stops the processes in order.
    this.#process = spawn(
      process.execPath,
      ['--enable-source-maps', '--import', PARENT_WATCH, fileURLToPath(options.entry)],
      { stdio: ['ignore', log, log, 'ipc'], env: options.env, detached: true },
    );
    closeSync(log);
    this.pid = this.#process.pid ?? -1;
    this.#exited = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve(`could not be started: ${error.message}`));
      this.#process.once('exit', (code, signal) => {
        this.#onEvent({ kind: 'exited', process: this.name, pid: this.pid, expected: this.#ending });
        resolve(signal ? `was ended by ${signal}` : `ended with code ${code}`);
      });
    });
    this.#onEvent({ kind: 'starting', process: this.name, pid: this.pid });
  }

  get died(): Promise<boolean> {
    return this.#exited.then(() => !this.#ending);
  }

  get alive(): boolean {
    return this.pid > 0 && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /**
   * Waits for the log line with `event: "listening"`. UNAVAILABLE with the last lines of the log where the process ends
   * before that; the signal's reason where it is aborted.
   */
  async ready(signal: AbortSignal): Promise<Readiness> {
    let ended: string | undefined;
    this.#exited.then((how) => {
      ended = how;
    });
    for (;;) {
      const line = this.#listeningLine();
      if (line) {
        const seconds = (performance.now() - this.#startedAt) / 1000;
        this.#onEvent({ kind: 'ready', process: this.name, pid: this.pid, seconds });
        return line;
      }
      if (ended)
        throw new TriptychError('UNAVAILABLE', `${this.name} ${ended} before it was ready.\n${this.#tail()}`);
      await delay(POLL_MS, undefined, { signal });
    }
  }

  /** Ends the process: `signal` first, SIGKILL if it is still there after `graceMs`. Resolves when it is gone. */
  async end(signal: NodeJS.Signals, graceMs = 10_000): Promise<void> {
    this.#ending = true;
    if (this.alive) this.#process.kill(signal);
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), graceMs);
    await this.#exited;
    clearTimeout(kill);
  }

  #listeningLine(): Readiness | undefined {
    const log = readFileSync(this.logPath).subarray(this.#logStart).toString('utf8');
    for (const line of log.split('\n')) {
      if (!line.includes('"listening"')) continue;
      const fields = parseObject(line);
      if (fields?.['event'] === 'listening') return fields;
    }
    return undefined;
  }

  #tail(): string {
    const log = readFileSync(this.logPath).subarray(this.#logStart).toString('utf8');
    return `Last lines of ${this.logPath}:\n${log.trimEnd().split('\n').slice(-15).join('\n')}`;
  }
}

function parseObject(line: string): Readiness | undefined {
  try {
    return JSON.parse(line) as Readiness;
  } catch {
    return undefined;
  }
}
