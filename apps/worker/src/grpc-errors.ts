/** Coded errors on the worker's side of the wire. */
import { type ServerErrorResponse, type ServiceError, status } from '@grpc/grpc-js';
import { codeSaid, type ErrorCode, TriptychError, toServiceError } from '@triptych/protocol';

export const toStatus = (error: unknown): ServerErrorResponse =>
  toServiceError(error, 'Something went wrong inside the worker');

/** The error that the other side meant; where it did not say (a proxy, a broken connection), the nearest code. */
export function fromServiceError(error: ServiceError, what: string): TriptychError {
  return new TriptychError(
    codeSaid(error) ?? nearest(error.code),
    `${what}: ${error.details || error.message}`,
    {
      cause: error,
    },
  );
}

function nearest(code: status): ErrorCode {
  switch (code) {
    case status.NOT_FOUND:
      return 'NOT_FOUND';
    case status.INVALID_ARGUMENT:
      return 'INVALID_INPUT';
    case status.DATA_LOSS:
      return 'ARTIFACT_CORRUPT';
    case status.CANCELLED:
      return 'CANCELLED';
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
    case status.RESOURCE_EXHAUSTED:
      return 'UNAVAILABLE';
    default:
      return 'INTERNAL';
  }
}
