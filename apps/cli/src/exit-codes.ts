/** Exit codes that scripts may rely on. */
import { type RunStatus, TriptychError } from '@triptych/protocol';

export const exitCodes = {
  succeeded: 0,
  error: 1,
  usage: 2,
  failed: 100,
  notFinished: 101,
  notFound: 102,
  cancelled: 103,
  interrupted: 130,
} as const;

export function exitCodeOf(status: RunStatus): number {
  if (status === 'SUCCEEDED') return exitCodes.succeeded;
  if (status === 'FAILED') return exitCodes.failed;
  return status === 'CANCELLED' ? exitCodes.cancelled : exitCodes.notFinished;
}

export const exitCodeOfError = (error: unknown): number =>
  error instanceof TriptychError && error.code === 'NOT_FOUND' ? exitCodes.notFound : exitCodes.error;
