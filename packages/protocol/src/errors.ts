/**
 * The one table of error codes: what each means over REST and over gRPC, and whether trying again can help.
 * It says nothing about a particular occurrence; that is the message of the {@link TriptychError} that carries the code.
 */
import { status as Grpc } from '@grpc/grpc-js';

export interface ErrorKind {
  readonly httpStatus: number;
  readonly grpcStatus: Grpc;
  /** True where the same request can succeed later without being changed. */
  readonly retry: boolean;
  readonly title: string;
}

const kind = (httpStatus: number, grpcStatus: Grpc, retry: boolean, title: string): ErrorKind => ({
  httpStatus,
  grpcStatus,
  retry,
  title,
});

export const errorTable = {
  INVALID_INPUT: kind(422, Grpc.INVALID_ARGUMENT, false, 'The request has fields that cannot be accepted'),
  MALFORMED_BODY: kind(400, Grpc.INVALID_ARGUMENT, false, 'The body is not valid JSON'),
  MALFORMED_REQUEST: kind(400, Grpc.INVALID_ARGUMENT, false, 'The request is not valid HTTP'),
  HEADERS_TOO_LARGE: kind(431, Grpc.RESOURCE_EXHAUSTED, false, 'The headers are larger than the limit'),
  REQUEST_TIMEOUT: kind(408, Grpc.DEADLINE_EXCEEDED, true, 'The request did not come in time'),
  BODY_TOO_LARGE: kind(413, Grpc.RESOURCE_EXHAUSTED, false, 'The body is larger than the limit'),
  UNSUPPORTED_MEDIA_TYPE: kind(415, Grpc.INVALID_ARGUMENT, false, 'The body is not application/json'),
  FOREIGN_REQUEST: kind(
    403,
    Grpc.PERMISSION_DENIED,
    false,
    'The request is for another server, or comes from the page of another one',
  ),
  UNAUTHENTICATED: kind(401, Grpc.UNAUTHENTICATED, false, 'The caller did not prove who it is'),
  NOT_FOUND: kind(404, Grpc.NOT_FOUND, false, 'There is no such resource'),
  METHOD_NOT_ALLOWED: kind(405, Grpc.UNIMPLEMENTED, false, 'The resource does not take this method'),
  FORBIDDEN: kind(403, Grpc.PERMISSION_DENIED, false, 'The caller may not do this'),
  TOO_MANY_REQUESTS: kind(
    429,
    Grpc.RESOURCE_EXHAUSTED,
    true,
    'The caller asks more often than the limit allows',
  ),
  NAME_TAKEN: kind(409, Grpc.ALREADY_EXISTS, false, 'The name is in use'),
  ILLEGAL_STATE: kind(
    409,
    Grpc.FAILED_PRECONDITION,
    false,
    'The resource is in a state that does not allow this',
  ),
  IDEMPOTENCY_KEY_REUSED: kind(
    422,
    Grpc.ALREADY_EXISTS,
    false,
    'The idempotency key was used with another body',
  ),
  FENCED: kind(409, Grpc.ABORTED, false, 'A newer owner has taken over'),
  DATASET_INVALID: kind(422, Grpc.INVALID_ARGUMENT, false, 'The dataset cannot be used'),
  MODEL_INVALID: kind(422, Grpc.INVALID_ARGUMENT, false, 'The model cannot be used'),
  BACKEND_UNAVAILABLE: kind(
    409,
    Grpc.FAILED_PRECONDITION,
    false,
    'The tensor backend that was asked for is not there',
  ),
  OUT_OF_MEMORY: kind(507, Grpc.RESOURCE_EXHAUSTED, false, 'The worker ran out of memory'),
  STORAGE_FULL: kind(
    507,
    Grpc.RESOURCE_EXHAUSTED,
    true,
    'A volume has no room left for what is to be stored',
  ),
  LOSS_NOT_FINITE: kind(500, Grpc.FAILED_PRECONDITION, false, 'The loss became infinite or not a number'),
  NOT_DETERMINISTIC: kind(
    500,
    Grpc.DATA_LOSS,
    false,
    'The same step of the same run gave other bits than before',
  ),
  OTHER_NUMERICS: kind(
    409,
    Grpc.FAILED_PRECONDITION,
    true,
    'The worker does not compute the same bits as the run or its other ranks',
  ),
  ARTIFACT_CORRUPT: kind(
    500,
    Grpc.DATA_LOSS,
    true,
    'An artifact does not have the content its hash promises',
  ),
  WORKER_LOST: kind(503, Grpc.UNAVAILABLE, true, 'A worker was lost'),
  WORKER_DRAINED: kind(503, Grpc.UNAVAILABLE, true, 'A worker was told to shut down'),
  COLLECTIVE_ABORTED: kind(503, Grpc.ABORTED, true, 'A collective operation was aborted'),
  CANCELLED: kind(409, Grpc.CANCELLED, false, 'The operation was cancelled'),
  NOT_LEADER: kind(
    503,
    Grpc.UNAVAILABLE,
    true,
    'Only the control plane that leads can do this, and this one does not',
  ),
  UNAVAILABLE: kind(503, Grpc.UNAVAILABLE, true, 'The service is not ready'),
  INTERNAL: kind(500, Grpc.INTERNAL, true, 'Something went wrong inside Triptych'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

/** What the owner of a run can do where it needs more memory than a worker has; every message that says so says this. */
export const memoryRemedy =
  'raise batch.shards (a worker computes one shard at a time), or set memory to "checkpoint"';

/** One thing wrong with an input: where, what was expected, what was there, and what to do. */
export interface Violation {
  /** JSON pointer into the input, `''` for the whole. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly remedy: string;
}

export interface TriptychErrorOptions {
  readonly violations?: readonly Violation[];
  readonly retryAfterSeconds?: number | undefined;
  readonly leaderAddress?: string | undefined;
  readonly cause?: unknown;
}

/** The only error class that crosses a boundary. A bug is an assertion, not one of these. */
export class TriptychError extends Error {
  readonly code: ErrorCode;
  readonly violations: readonly Violation[];
  /** When to try again, where somebody knows: `Retry-After` of an answer. */
  readonly retryAfterSeconds: number | undefined;
  /** Of `NOT_LEADER`: host:port (gRPC) of the control plane that leads, where that is known. */
  readonly leaderAddress: string | undefined;

  constructor(code: ErrorCode, message: string, options: TriptychErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TriptychError';
    this.code = code;
    this.violations = options.violations ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.leaderAddress = options.leaderAddress;
  }

  get kind(): ErrorKind {
    return errorTable[this.code];
  }
}

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);
