/** Calls with one answer: a promise becomes it, and what it rejects with an error of the table. */
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { TriptychError, toServiceError } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import { isOutage, unavailable } from '../store/outage.ts';
import { HIDDEN } from './service-error.ts';

export interface AnswerOptions {
  readonly logger: Logger;
}

/** What the caller is told; what is no answer of ours goes into the log. */
export function codedError({ logger }: AnswerOptions, error: unknown, method: string): TriptychError {
  if (error instanceof TriptychError) return error;
  logger.error({ event: 'call-failed', method, err: error }, `${method} failed`);
  return isOutage(error) ? unavailable(error) : new TriptychError('INTERNAL', HIDDEN, { cause: error });
}

export const errorAnswer = (options: AnswerOptions, error: unknown, method: string) =>
  toServiceError(codedError(options, error, method), HIDDEN);

export const unaryCalls =
  (options: AnswerOptions) =>
  <Q, R>(method: string, answer: (call: ServerUnaryCall<Q, R>) => R | Promise<R>) =>
  (call: ServerUnaryCall<Q, R>, callback: sendUnaryData<R>) => {
    Promise.resolve()
      .then(() => answer(call))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(errorAnswer(options, error, method)),
      );
  };
