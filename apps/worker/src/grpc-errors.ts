/** The error table on the wire: a coded error becomes a gRPC status with the code in its trailer, and back. */
import { Metadata, type ServerErrorResponse, type ServiceError, status } from '@grpc/grpc-js';
import { type ErrorCode, errorTable, isErrorCode, TriptychError } from '@triptych/protocol';

const CODE_KEY = 'triptych-code';

export function toStatus(error: unknown): ServerErrorResponse {
  const coded =
    error instanceof TriptychError
      ? error
      : new TriptychError('INTERNAL', 'Something went wrong inside the worker');
  const metadata = new Metadata();
  metadata.set(CODE_KEY, coded.code);
  return Object.assign(new Error(coded.message), {
    code: errorTable[coded.code].grpcStatus,
    details: coded.message,
    metadata,
  });
}

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

/** The code that the other side gave; nothing where it did not answer. */
export function codeSaid(error: ServiceError): ErrorCode | undefined {
  const code = String(error.metadata?.get(CODE_KEY)[0] ?? '');
  return isErrorCode(code) ? code : undefined;
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
