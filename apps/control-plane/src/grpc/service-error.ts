/** The error table on the wire: a coded error becomes a gRPC status with its code in the trailer, and back. */
import { Metadata, type ServerErrorResponse, type ServiceError, status } from '@grpc/grpc-js';
import { type ErrorCode, errorTable, isErrorCode, TriptychError } from '@triptych/protocol';

const CODE_KEY = 'triptych-code';

/** What a caller may see. Anything that is not a {@link TriptychError} is a mistake of ours, and its words stay inside. */
export function toServiceError(error: unknown): ServerErrorResponse {
  const coded =
    error instanceof TriptychError
      ? error
      : new TriptychError('INTERNAL', 'Something went wrong inside the control plane; its log says what');
  const metadata = new Metadata();
  metadata.set(CODE_KEY, coded.code);
  return Object.assign(new Error(coded.message), {
    code: errorTable[coded.code].grpcStatus,
    details: coded.message,
    metadata,
  });
}

/** The error that the other side meant; where it could not say (a broken connection), the nearest code. */
export function fromServiceError(error: unknown, what: string): TriptychError {
  if (error instanceof TriptychError) return error;
  const { metadata, details, message, code } = error as ServiceError;
  const named = String(metadata?.get(CODE_KEY)[0] ?? '');
  return new TriptychError(isErrorCode(named) ? named : nearest(code), `${what}: ${details || message}`, {
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
