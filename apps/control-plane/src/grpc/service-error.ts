/** Coded errors on the control plane's side of the wire. */
import { type ServiceError, status } from '@grpc/grpc-js';
import { codeSaid, type ErrorCode, TriptychError } from '@triptych/protocol';

/** Said of what is not for the caller to know. */
export const HIDDEN = 'Something went wrong inside the control plane; its log says what';

/** The error that the other side meant; where it could not say (a broken connection), the nearest code. */
export function fromServiceError(error: unknown, what: string): TriptychError {
  if (error instanceof TriptychError) return error;
  const answer = error as ServiceError;
  const { details, message, code } = answer;
  return new TriptychError(codeSaid(answer) ?? nearest(code), `${what}: ${details || message}`, {
    cause: error,
  });
}

function nearest(code: status | undefined): ErrorCode {
  switch (code) {
    case status.INVALID_ARGUMENT:
      return 'INVALID_INPUT';
    case status.NOT_FOUND:
      return 'NOT_FOUND';
    case status.CANCELLED:
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
    case status.RESOURCE_EXHAUSTED:
      return 'UNAVAILABLE';
    default:
      return 'INTERNAL';
  }
}
