/**
 * One rank's Train call, from its start to its end. A connection that breaks is not yet a worker that is lost: the call is
 * made again, after the last event that came, while the worker's lease holds and the worker goes on by itself.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceError } from '@grpc/grpc-js';
import { codeSaid, TriptychError, type worker } from '@triptych/protocol';
import { type TrainerClients, trainerError } from './trainer-clients.ts';

/** What a rank told. `at`: when it happened, by this process's {@link performance.now}, whatever the worker's clock says. */
export interface RankEvent {
  readonly sequence: number;
  readonly at: number;
  readonly event: worker.TrainEvent['event'];
}

export interface RankCallOptions {
  readonly request: worker.TrainRequest;
  readonly workerId: string;
  readonly clients: TrainerClients;
  /** A worker that was never reached trains nothing that could be lost: after so long others may be better. */
  readonly firstContactMs: number;
  /** The worker's life in the registry. */
  readonly gone: AbortSignal;
  /** The supervisor lets go: the training goes on without it. */
  readonly signal: AbortSignal;
}

/**
 * The rank's events until its last. Ends without an error only where the worker ended the stream in order.
 * @throws TriptychError `WORKER_LOST` where the worker is gone, the worker's own error where it refuses the call, or the
 * reason of `signal`
 */
export async function* rankEvents(options: RankCallOptions): AsyncGenerator<RankEvent> {
  const { workerId, gone, signal } = options;
  let request = options.request;
  const patience = new Patience(options.firstContactMs, request.reattachMs);
  for (;;) {
    try {
      for await (const event of streamOf({ ...options, request })) {
        patience.restore();
        request = { ...request, afterSequence: event.sequence };
        yield event;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (gone.aborted) throw lost(workerId, gone.reason);
      const coded = trainerError(error, workerId);
      if (coded.code !== 'UNAVAILABLE' && coded.code !== 'INTERNAL') throw coded;
      const pauseMs = patience.after(error);
      if (pauseMs === undefined) throw lost(workerId, coded);
      await delay(pauseMs, undefined, { signal: AbortSignal.any([signal, gone]) }).catch(() => undefined);
    }
  }
}

/** Together 0.7 s: what a process needs that begins to listen, and no long wait for one that was killed. */
const REFUSALS = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

/** How often, and how long, a rank that cannot be reached is called again. */
class Patience {
  readonly #reattachMs: number;
  #limitMs: number;
  #silentSince: number | undefined;
  #refusals = 0;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(firstContactMs: number, reattachMs: number) {
    this.#limitMs = firstContactMs;
    this.#reattachMs = reattachMs;
  }

  /** An event came: from here on there is a training to lose. */
  restore(): void {
    this.#limitMs = this.#reattachMs;
    this.#silentSince = undefined;
    this.#refusals = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /** @returns milliseconds until the next call; nothing where it is the time to give up */
  after(error: unknown): number | undefined {
    this.#silentSince ??= performance.now();
    if (isRefusal(error as ServiceError)) this.#refusals += 1;
    if (this.#refusals > REFUSALS || performance.now() - this.#silentSince > this.#limitMs) return undefined;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    return pauseMs;
  }
}

/** The worker answers and cannot; or its machine says that nobody listens: the process is gone, and its training with it. */
const isRefusal = (error: ServiceError): boolean =>
  codeSaid(error) !== undefined || (error.details ?? error.message).includes('ECONNREFUSED');

async function* streamOf(options: RankCallOptions): AsyncGenerator<RankEvent> {
  const { clients, workerId, request, gone, signal } = options;
  const call = clients.of(workerId).train(request);
  const cancel = () => call.cancel();
  // One signal of both would be remembered by the worker's for as long as the worker lives.
  const ends = [gone, signal];
  for (const end of ends) end.addEventListener('abort', cancel, { once: true });
  // The iterator reports the first error; grpc-js may emit more when the call is cancelled.
  call.on('error', () => {});
  try {
    for (const end of ends) end.throwIfAborted();
    for await (const told of call) {
      const { sequence, ageMs, event } = told as worker.TrainEvent;
      yield { sequence, at: performance.now() - sensible(ageMs), event };
    }
  } finally {
    for (const end of ends) end.removeEventListener('abort', cancel);
    call.cancel();
  }
}

/** No event is older than the longest time that a worker keeps it, nor younger than now. */
const sensible = (ageMs: number): number => (ageMs > 0 ? Math.min(ageMs, MOST_AGE_MS) : 0);
const MOST_AGE_MS = 30 * 86_400_000;

const lost = (workerId: string, cause: unknown): TriptychError =>
  new TriptychError('WORKER_LOST', `Worker ${workerId} was lost: ${(cause as Error).message}`, { cause });
