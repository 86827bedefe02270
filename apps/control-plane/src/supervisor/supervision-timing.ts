/** How long supervisors wait for what. */
import type { SilenceLimits } from './silence-watch.ts';

export interface SupervisionTiming extends SilenceLimits {
  /** Steps are written at most once in this time. */
  readonly paceMs: number;
  /** How long a placed worker is called that was never reached, before the run turns to others. */
  readonly firstContactMs: number;
  /** How long workers go on without a supervisor. */
  readonly reattachMs: number;
  /** How long workers have to register again after a restart of the control plane. */
  readonly returnWindowMs: number;
  /** How long a run that lost workers stays RECOVERING before it queues again. */
  readonly graceMs: number;
  /** How long the ranks have to tell why a generation broke. */
  readonly settleMs: number;
}

export const defaultTiming: SupervisionTiming = {
  paceMs: 250,
  firstContactMs: 10_000,
  reattachMs: 60_000,
  // A worker gives up a connection after some 5 s, looks the name up again and registers.
  returnWindowMs: 30_000,
  graceMs: 10_000,
  settleMs: 1500,
  stepSilenceMs: 60_000,
  phaseSilenceMs: 600_000,
};
