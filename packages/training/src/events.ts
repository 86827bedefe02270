/** What a trainer tells its supervisor: the events of the worker protocol, built from this package's own words. */
import type { Score, worker } from '@triptych/protocol';
import type { Prediction } from './catalog/tasks/task.ts';
import type { TaskScore } from './evaluation/evaluate.ts';
import type { StepResult } from './step/trainer.ts';

export type TrainerEvent = NonNullable<worker.TrainEvent['event']>;
export type Phase = 'loading' | 'baseline' | 'training' | 'validating' | 'evaluating' | 'publishing';
export type Stage = Score['stage'];

export const phaseEvent = (
  phase: Phase,
  at: { step: number; totalSteps: number },
  message: string,
): TrainerEvent => ({
  $case: 'phase',
  value: { phase, step: at.step, totalSteps: at.totalSteps, message },
});

export const storageEvent = (waiting: boolean, message: string): TrainerEvent => ({
  $case: 'storage',
  value: { waiting, message },
});

export interface StepReport {
  readonly result: StepResult;
  /** Steps taken, this one included. */
  readonly step: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly globalBatch: number;
  readonly learningRate: number;
  readonly dataSeconds: number;
  /** From the request for the batch to the commit. */
  readonly seconds: number;
}

export function stepEvent(report: StepReport): TrainerEvent {
  const { result, step, globalBatch, seconds } = report;
  return {
    $case: 'step',
    value: {
      step,
      totalSteps: report.totalSteps,
      epoch: step / report.stepsPerEpoch,
      loss: result.loss,
      datasetLosses: result.losses.length > 1 ? [...result.losses] : [],
      learningRate: report.learningRate,
      gradientNorm: result.gradientNorm,
      samplesPerSecond: globalBatch / seconds,
      samplesProcessed: step * globalBatch,
      dataSeconds: report.dataSeconds,
      forwardBackwardSeconds: result.seconds.forwardBackward,
      allReduceSeconds: result.seconds.allReduce,
      optimizerSeconds: result.seconds.optimizer,
      allReduceBytes: result.bytesSent,
    },
  };
}

/** The first ones travel with the event; the rest lies in the artifact. */
const SHOWN_PREDICTIONS = 5;

export const predictionsEvent = (
  {
    task,
    predictions,
    sha256,
  }: { readonly task: string; readonly predictions: readonly Prediction[]; readonly sha256: string },
  at: { stage: Stage; split: string; step: number },
): TrainerEvent => ({
  $case: 'predictions',
  value: {
    ...at,
    task,
    sha256,
    count: predictions.length,
    first: predictions.slice(0, SHOWN_PREDICTIONS).map((one) => ({ ...one, truth: [...one.truth] })),
  },
});

export const scoreEvent = (
  score: TaskScore,
  at: { stage: Stage; split: string; step: number },
): TrainerEvent => ({ $case: 'score', value: { ...score, ...at } });
