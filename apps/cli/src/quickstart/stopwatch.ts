/** How long each part of the quickstart took. A run's own times come from its record, not from watching it. */
import type { Run, StepMetric } from '@triptych/protocol';

export interface Seconds {
  /** Of `npm ci` and the build, as the script that started this process measured them; 0 where all was there. */
  readonly install: number;
  /** Until the stack was up and the dataset registered. */
  readonly start: number;
  readonly train: number;
  /** Baseline and final evaluation, and publishing the model. */
  readonly evaluate: number;
  readonly total: number;
}

export function secondsOf(options: {
  readonly install: number;
  readonly start: number;
  readonly total: number;
  readonly run: Run;
  readonly steps: readonly StepMetric[];
}): Seconds {
  const { install, start, total, run, steps } = options;
  const train = steps.reduce((sum, step) => sum + stepSeconds(run, step), 0);
  const whole = (Date.parse(run.finishedAt ?? '') - Date.parse(run.createdAt)) / 1000;
  return { install, start, train, evaluate: Math.max(0, whole - train), total: install + total };
}

/** Of the whole fleet, over all steps but the first, which warms up. */
export function samplesPerSecond(run: Run, steps: readonly StepMetric[]): number {
  const warm = steps.length > 1 ? steps.slice(1) : steps;
  const seconds = warm.reduce((sum, step) => sum + stepSeconds(run, step), 0);
  return seconds > 0 ? (warm.length * run.spec.batch.global) / seconds : 0;
}

const stepSeconds = (run: Run, step: StepMetric): number => run.spec.batch.global / step.samplesPerSecond;
