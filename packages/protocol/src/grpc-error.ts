/** The error table on the wire: a coded error becomes a gRPC status with its code in the trailer, and the code comes back. */
import { Metadata, type ServerErrorResponse, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { type ErrorCode, errorTable, isErrorCode, TriptychError } from './errors.ts';
import { parseHostPort } from './network-address.ts';

const CODE_KEY = 'triptych-code';
const LEADER_KEY = 'triptych-leader';

/** What a caller may see. Anything that is not a {@link TriptychError} is a mistake of ours: `hidden` is said in its place. */
export function toServiceError(error: unknown, hidden: string): ServerErrorResponse & StatusObject {
  const coded = error instanceof TriptychError ? error : new TriptychError('INTERNAL', hidden);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, coded.code);
  if (coded.leaderAddress) metadata.set(LEADER_KEY, coded.leaderAddress);
  return Object.assign(new Error(coded.message), {
    code: errorTable[coded.code].grpcStatus,
    details: coded.message,
    metadata,
  });
}

/** The code that the other side gave; nothing where it did not answer. */
export function codeSaid(error: ServiceError): ErrorCode | undefined {
  const code = String(error.metadata?.get(CODE_KEY)[0] ?? '');
  return isErrorCode(code) ? code : undefined;
}

/** Where the other side says that the leader is. */
export function leaderSaid(error: ServiceError): string | undefined {
  const address = error.metadata?.get(LEADER_KEY)[0];
  return typeof address === 'string' && parseHostPort(address) ? address : undefined;
}
