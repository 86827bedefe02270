/**
 * One rank's Train call, from its start to its end. A connection that breaks is not yet a worker that is lost: the call is
 * made again, after the last event that came, while the worker's lease holds.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { TriptychError, type worker } from '@triptych/protocol';
import { fromServiceError } from '../grpc/service-error.ts';
import type { TrainerClients } from './trainer-clients.ts';

export interface RankCallOptions {
  readonly request: worker.TrainRequest;
  readonly workerId: string;
  readonly address: string;
  readonly clients: TrainerClients;
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
export async function* rankEvents(options: RankCallOptions): AsyncGenerator<worker.TrainEvent> {
  const { workerId, gone, signal } = options;
  let request = options.request;
  let attempts = 0;
  for (;;) {
    try {
      for await (const event of streamOf({ ...options, request })) {
        attempts = 0;
        request = { ...request, afterSequence: event.sequence };
        yield event;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (gone.aborted) throw lost(workerId, gone.reason);
      const coded = fromServiceError(error, `Worker ${workerId}`);
      if (coded.code !== 'UNAVAILABLE' && coded.code !== 'INTERNAL') throw coded;
      attempts += 1;
      if (attempts > RECONNECTS) throw lost(workerId, coded);
      const pauseMs = FIRST_PAUSE_MS * 2 ** (attempts - 1);
      await delay(pauseMs, undefined, { signal: AbortSignal.any([signal, gone]) }).catch(() => undefined);
    }
  }
}

/** Together 0.7 s: what a dropped connection needs to come back, and no long wait for a process that was killed. */
const RECONNECTS = 3;
const FIRST_PAUSE_MS = 100;

async function* streamOf(options: RankCallOptions): AsyncGenerator<worker.TrainEvent> {
  const { clients, address, request, gone, signal } = options;
  const call = clients.at(address).train(request);
  const cancel = () => call.cancel();
  const ends = AbortSignal.any([gone, signal]);
  ends.addEventListener('abort', cancel, { once: true });
  // The iterator reports the first error; grpc-js may emit more when the call is cancelled.
  call.on('error', () => {});
  try {
    if (ends.aborted) throw ends.reason;
    for await (const event of call) yield event as worker.TrainEvent;
  } finally {
    ends.removeEventListener('abort', cancel);
    call.cancel();
  }
}

const lost = (workerId: string, cause: unknown): TriptychError =>
  new TriptychError('WORKER_LOST', `Worker ${workerId} was lost: ${(cause as Error).message}`, { cause });
