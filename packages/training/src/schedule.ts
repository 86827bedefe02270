/** The learning rate of each step, as open_clip computes it: the first step has a rate above zero. */
import type { ResolvedRunSpec } from '@triptych/protocol';

export interface ScheduleOptions extends Pick<ResolvedRunSpec, 'schedule'> {
  readonly peak: number;
  readonly totalSteps: number;
}

/** `step` counts from 0. Linear warm-up, then half a cosine to zero or a constant. */
export function learningRateAt(step: number, { schedule, peak, totalSteps }: ScheduleOptions): number {
  const { kind, warmupSteps } = schedule;
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  if (kind === 'constant') return peak;
  const progress = (step - warmupSteps) / (totalSteps - warmupSteps);
  return 0.5 * peak * (1 + Math.cos(Math.PI * progress));
}
