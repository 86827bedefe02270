/** The trainer as a gRPC service: streams, flow control and error codes; no decisions. */
import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import {
  type CallCheck,
  identityProof,
  isSameSecret,
  secretKeys,
  shownIn,
  TriptychError,
  unauthenticated,
  worker,
} from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import { toStatus } from './grpc-errors.ts';
import type { Trainer } from './trainer.ts';

export interface TrainerServiceOptions {
  readonly trainer: Trainer;
  /** What the worker tells its control plane alone: the caller must know it. */
  readonly secret: string;
  readonly logger: Logger;
}

/** What a call of the trainer must show before anything of it is read. Links between ranks prove what they are by themselves. */
export const trainerChecks =
  (secret: string) =>
  (path: string): CallCheck | undefined => {
    const { train, predict, stop } = worker.TrainerService;
    if (![train, predict, stop].some((method) => method.path === path)) return undefined;
    return (metadata) => {
      const [shown = ''] = shownIn(metadata, secretKeys.trainer);
      if (isSameSecret(shown, secret)) return;
      throw unauthenticated('Only the control plane with which this worker registered may call its trainer');
    };
  };

export function trainerService({ trainer, secret, logger }: TrainerServiceOptions): worker.TrainerServer {
  const statusOf = (error: unknown, method: string) => {
    if (!(error instanceof TriptychError))
      logger.error({ event: 'call-failed', method, err: error }, `${method} failed`);
    return toStatus(error);
  };
  const answer = <Q, E>(
    method: string,
    call: ServerWritableStream<Q, E>,
    events: (signal: AbortSignal) => AsyncIterable<E>,
  ) => {
    stream(call, events).catch((error: unknown) => {
      // Nobody hears an error on a connection that is gone.
      if (call.cancelled) call.end();
      else call.emit('error', statusOf(error, method));
    });
  };
  return {
    train: (call) => answer('Train', call, (signal) => trainer.train(call.request, signal)),
    predict: (call) => answer('Predict', call, (signal) => trainer.predict(call.request, signal)),
    identify: ({ request }, callback) => callback(null, { proof: identityProof(secret, request.challenge) }),
    stop(call, callback) {
      trainer.stop(call.request).then(
        (response) => callback(null, response),
        (error: unknown) => callback(statusOf(error, 'Stop')),
      );
    },
  };
}

async function stream<Q, E>(
  call: ServerWritableStream<Q, E>,
  events: (signal: AbortSignal) => AsyncIterable<E>,
): Promise<void> {
  const gone = new AbortController();
  call.once('cancelled', () => gone.abort(new TriptychError('CANCELLED', 'The caller went away')));
  for await (const event of events(gone.signal)) {
    if (!call.write(event)) await once(call, 'drain', { signal: gone.signal });
  }
  call.end();
}
