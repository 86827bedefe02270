/** What the worker needs from whatever computes; {@link ComputeThread} in production, a script in tests. */
import type { MessagePort } from 'node:worker_threads';
import type { EngineDescription } from '@triptych/nn';
import type { Numerics } from '@triptych/protocol';
import type { PredictionOutput, TrainerEvent } from '@triptych/training';
import type { Job, PredictionJob } from './messages.ts';

export interface RunOptions {
  /** The compute side's end of the bridge to the process group; owned by the run from here on. */
  readonly group: MessagePort;
  readonly onEvent: (event: TrainerEvent) => void;
  readonly signal: AbortSignal;
}

export interface PredictOptions {
  readonly onOutput: (output: PredictionOutput) => void;
  readonly signal: AbortSignal;
}

/** One job at a time, of either kind. */
export interface Compute {
  readonly description: EngineDescription;
  /** How it computes, found out where it does. */
  readonly numerics: Numerics;
  /**
   * Trains one job. Settles when it is free for the next: resolves after the last event, rejects with a
   * TriptychError (the signal's reason where it was aborted).
   */
  run(job: Job, options: RunOptions): Promise<void>;
  /** Asks a model one thing; it stays open for the next question about it, until a training comes. Settles like `run`. */
  predict(job: PredictionJob, options: PredictOptions): Promise<void>;
}
