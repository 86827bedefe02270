/** How far a run is, how fast, and for how long still. Pure: from the steps that were committed. */
import type { Progress, worker } from '@triptych/protocol';

/** Enough steps that one slow step does not make the ETA jump, few enough that a changed fleet shows within them. */
const WINDOW_STEPS = 20;

export class ProgressMeter {
  readonly #globalBatch: number;
  /** Seconds of the last steps, oldest first. */
  readonly #recent: number[] = [];

  constructor(options: { readonly globalBatch: number }) {
    this.#globalBatch = options.globalBatch;
  }

  /**
   * Where the run is after these steps (at least one, in order). `samplesPerSecond` is that of the whole fleet: the global
   * batch through the mean time of the last steps. `etaSeconds` is that of the steps that are left; scoring and publishing
   * come on top.
   */
  after(steps: readonly worker.StepCommitted[]): Progress {
    for (const { samplesPerSecond } of steps) {
      const seconds = this.#globalBatch / samplesPerSecond;
      if (Number.isFinite(seconds) && seconds > 0) this.#recent.push(seconds);
    }
    this.#recent.splice(0, this.#recent.length - WINDOW_STEPS);
    const last = steps.at(-1) as worker.StepCommitted;
    return {
      step: last.step,
      totalSteps: last.totalSteps,
      epoch: last.epoch,
      ratio: last.totalSteps > 0 ? last.step / last.totalSteps : 0,
      samplesProcessed: last.samplesProcessed,
      loss: last.loss,
      ...this.#pace(Math.max(0, last.totalSteps - last.step)),
    };
  }

  #pace(stepsLeft: number): Pick<Progress, 'samplesPerSecond' | 'etaSeconds'> {
    if (this.#recent.length === 0) return {};
    const stepSeconds = this.#recent.reduce((sum, seconds) => sum + seconds, 0) / this.#recent.length;
    return { samplesPerSecond: this.#globalBatch / stepSeconds, etaSeconds: stepsLeft * stepSeconds };
  }
}
