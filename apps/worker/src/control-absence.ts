/**
 * Waiting out a control plane that is away. One that is restarted is back in seconds, and training goes on meanwhile; what
 * needs it in between tries again, at growing distances, for as long as a worker goes on without a supervisor.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type ServiceError, status } from '@grpc/grpc-js';
import { codeSaid } from '@triptych/protocol';
import { fromServiceError } from './grpc-errors.ts';

export interface AbsenceOptions {
  /** How long the control plane may be away, from the first failure after it was last heard of; 60 s by default. */
  readonly windowMs?: number;
  /** Ends the waiting, and the call that is under way. */
  readonly signal?: AbortSignal;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export class Absence {
  readonly #windowMs: number;
  readonly #signal: AbortSignal | undefined;
  #endsAt: number | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  constructor({ windowMs = 60_000, signal }: AbsenceOptions = {}) {
    this.#windowMs = windowMs;
    this.#signal = signal;
  }

  /** The control plane is there: the next absence gets a whole window. */
  over(): void {
    this.#endsAt = undefined;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /**
   * Resolves when it is time to try again what failed with `error`.
   * @throws the signal's reason; the coded error where trying again cannot help or the window is over
   */
  async wait(error: unknown, what: string): Promise<void> {
    this.#signal?.throwIfAborted();
    if (!isServiceError(error)) throw error;
    const coded = fromServiceError(error, what);
    if (!isAway(error)) throw coded;
    const now = performance.now();
    // It is there and waits itself: for its database, or for another one to lead. The training's own time bounds that.
    if (isWaiting(error)) this.over();
    this.#endsAt ??= now + this.#windowMs;
    const leftMs = this.#endsAt - now;
    if (leftMs <= 0) throw coded;
    await delay(Math.min(this.#pauseMs, leftMs), undefined, { signal: this.#signal }).catch((reason) => {
      this.#signal?.throwIfAborted();
      throw reason;
    });
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }
}

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && typeof (error as Partial<ServiceError>).code === 'number';

function isWaiting(error: ServiceError): boolean {
  const said = codeSaid(error);
  return said === 'UNAVAILABLE' || said === 'NOT_LEADER';
}

/** A server that answers says what it means; without an answer the connection broke, which grpc-js tells in several ways. */
function isAway(error: ServiceError): boolean {
  const said = codeSaid(error);
  // A worker whose lease is over, as after a restart of the control plane, registers again within seconds.
  if (said) return said === 'UNAUTHENTICATED' || isWaiting(error);
  if (error.code === status.UNAVAILABLE || error.code === status.CANCELLED) return true;
  return error.code === status.INTERNAL && /RST_STREAM|GOAWAY|ECONN|session/i.test(error.details);
}
