/** The states of a run and the one pure function that moves between them. Writing them down is the store's business. */
import { Type } from 'typebox';

const states = [
  'QUEUED',
  'SCHEDULING',
  'STARTING',
  'RUNNING',
  'EVALUATING',
  'FINALIZING',
  'RECOVERING',
  'BACKOFF',
  'CANCELLING',
  'SUCCEEDED',
  'FAILED',
  'CANCELLED',
] as const;

export const RunStatus = Type.Enum(states, { $id: 'RunStatus' });
export type RunStatus = (typeof states)[number];
export const runStatuses: readonly RunStatus[] = states;

/** Why a run is where it is: a closed table, so that alerts and users can rely on it. The human message is a field of its own. */
const reasons = [
  'SUBMITTED',
  'WAITING_FOR_WORKERS',
  'WAITING_FOR_HIGHER_PRIORITY',
  'PLACED',
  'WAITING_FOR_STORAGE',
  'TRAINING',
  'SCORING',
  'PUBLISHING',
  'WORKER_LOST',
  'SUPERVISOR_RESTARTED',
  'RETRY_SCHEDULED',
  'CANCEL_REQUESTED',
  'CANCELLED_BY_USER',
  'COMPLETED',
  'FAILURES_EXHAUSTED',
  'INVALID_SPEC',
  'DATASET_INVALID',
  'OUT_OF_MEMORY',
  'LOSS_NOT_FINITE',
  'NOT_DETERMINISTIC',
  'OTHER_NUMERICS',
  'BACKEND_UNAVAILABLE',
  'INTERNAL_ERROR',
] as const;
export const RunReason = Type.Enum(reasons, { $id: 'RunReason' });
export type RunReason = (typeof reasons)[number];
export const runReasons: readonly RunReason[] = reasons;

export type RunEventKind =
  | 'schedule'
  | 'wait'
  | 'place'
  | 'start'
  | 'evaluate'
  | 'finalize'
  | 'succeed'
  | 'lose'
  | 'backOff'
  | 'requeue'
  | 'cancel'
  | 'cancelled'
  | 'fail';

const next: Readonly<Record<RunStatus, Partial<Record<RunEventKind, RunStatus>>>> = {
  QUEUED: { schedule: 'SCHEDULING', cancel: 'CANCELLING', cancelled: 'CANCELLED', fail: 'FAILED' },
  SCHEDULING: { wait: 'QUEUED', place: 'STARTING', requeue: 'QUEUED', cancel: 'CANCELLING', fail: 'FAILED' },
  STARTING: { start: 'RUNNING', lose: 'RECOVERING', requeue: 'QUEUED', cancel: 'CANCELLING', fail: 'FAILED' },
  RUNNING: {
    evaluate: 'EVALUATING',
    finalize: 'FINALIZING',
    lose: 'RECOVERING',
    requeue: 'QUEUED',
    cancel: 'CANCELLING',
    fail: 'FAILED',
  },
  EVALUATING: {
    start: 'RUNNING',
    finalize: 'FINALIZING',
    lose: 'RECOVERING',
    requeue: 'QUEUED',
    cancel: 'CANCELLING',
    fail: 'FAILED',
  },
  FINALIZING: { succeed: 'SUCCEEDED', lose: 'RECOVERING', cancel: 'CANCELLING', fail: 'FAILED' },
  RECOVERING: {
    backOff: 'BACKOFF',
    requeue: 'QUEUED',
    place: 'STARTING',
    cancel: 'CANCELLING',
    fail: 'FAILED',
  },
  BACKOFF: { requeue: 'QUEUED', cancel: 'CANCELLING', fail: 'FAILED' },
  CANCELLING: { cancelled: 'CANCELLED' },
  SUCCEEDED: {},
  FAILED: {},
  CANCELLED: {},
};

/** The state after `event`, or `undefined` where the event is not legal in `state`. */
export function transition(state: RunStatus, event: RunEventKind): RunStatus | undefined {
  return next[state][event];
}

export const isTerminal = (state: RunStatus): boolean => Object.keys(next[state]).length === 0;

/** Of runs that are over. */
export const terminalStatuses: readonly RunStatus[] = runStatuses.filter(isTerminal);

/** Of all others. */
export const liveStatuses: readonly RunStatus[] = runStatuses.filter((state) => !isTerminal(state));

/** Whether workers compute for the run: they have begun, and what they made is not stored yet. */
export const isTraining = (state: RunStatus): boolean =>
  state === 'RUNNING' || state === 'EVALUATING' || state === 'FINALIZING';
