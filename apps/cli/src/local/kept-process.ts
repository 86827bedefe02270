/** A process of the stack that is started again whenever it ends by itself, at growing distances where it does not last. */
import { setTimeout as delay } from 'node:timers/promises';
import type { StackEvent } from './options.ts';

/** One life of a process. */
export interface Life {
  /** Resolves when the process does its work; rejects where it ends before, or with the reason of the signal. */
  ready(signal: AbortSignal): Promise<unknown>;
  /** Resolves at its end: false where that was asked for. */
  readonly died: Promise<boolean>;
  end(signal: NodeJS.Signals): Promise<void>;
}

export interface KeptProcessOptions<T extends Life> {
  readonly name: string;
  readonly begin: () => T;
  /** The stack's life: nothing is started after it. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: StackEvent) => void;
  /** Called each time the process has become ready. */
  readonly onReady: (life: T, readiness: Awaited<ReturnType<T['ready']>>) => void;
  /** Before the first new start after a life that lasted; doubled after each that did not. 500 ms by default. */
  readonly firstPauseMs?: number;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A process that worked for so long did not fail at its start. */
const LASTING_MS = 60_000;

export class KeptProcess<T extends Life> {
  readonly #options: KeptProcessOptions<T>;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  #life: T | undefined;
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: KeptProcessOptions<T>) {
    this.#options = options;
    this.#signal = AbortSignal.any([this.#ended.signal, options.signal]);
  }

  /** The newest life; nothing before the first. */
  get life(): T | undefined {
    return this.#life;
  }

  /** Resolves when the process is ready for the first time. Where it does not get there, that is the caller's to tell. */
  async start(): Promise<void> {
    await this.#live();
    this.#keeping = this.#keep(performance.now());
  }

  /** Ends the process for good. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#ended.abort(new Error(`${this.#options.name} was told to end`));
    await this.#life?.end(signal);
    await this.#keeping;
  }

  async #live(): Promise<void> {
    this.#signal.throwIfAborted();
    const life = this.#options.begin();
    this.#life = life;
    const readiness = await life.ready(this.#signal);
    this.#options.onReady(life, readiness as Awaited<ReturnType<T['ready']>>);
  }

  async #keep(readySince: number): Promise<void> {
    const { name, onEvent, firstPauseMs = FIRST_PAUSE_MS } = this.#options;
    let pauseMs = firstPauseMs;
    let since: number | undefined = readySince;
    while (await this.#life?.died) {
      if (since !== undefined && performance.now() - since > LASTING_MS) pauseMs = firstPauseMs;
      if (this.#signal.aborted) return;
      onEvent({ kind: 'restarting', process: name, seconds: pauseMs / 1000 });
      try {
        await delay(pauseMs, undefined, { signal: this.#signal });
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
        since = undefined;
        await this.#live();
        since = performance.now();
      } catch {
        // It ended before it was ready, and the next round says so; or nobody wants it any more.
        if (this.#signal.aborted) return;
      }
    }
  }
}
