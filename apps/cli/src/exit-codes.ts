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

/** For --help. */
export const exitCodeHelp = `
Exit codes:
    0  done; of a run: it succeeded
    1  an error: input that cannot be accepted, a control plane that cannot be reached, or no right
    2  wrong usage
  100  the run failed
  101  the run has not finished
  102  there is no such run, dataset or model
  103  the run was cancelled
  130  interrupted
The codes of a run are those of watch, of submit and cancel with --watch, and of get with --exit-status.
`;

export function exitCodeOf(status: RunStatus): number {
  if (status === 'SUCCEEDED') return exitCodes.succeeded;
  if (status === 'FAILED') return exitCodes.failed;
  return status === 'CANCELLED' ? exitCodes.cancelled : exitCodes.notFinished;
}

export const exitCodeOfError = (error: unknown): number =>
  error instanceof TriptychError && error.code === 'NOT_FOUND' ? exitCodes.notFound : exitCodes.error;
