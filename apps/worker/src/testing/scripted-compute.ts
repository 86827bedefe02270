/** A compute that does what the test tells it, when the test tells it. */
import type { EngineDescription } from '@triptych/nn';
import { numericsOf } from '@triptych/protocol';
import type { PredictionOutput, TrainerEvent } from '@triptych/training';
import type { Compute, PredictOptions, RunOptions } from '../compute/compute.ts';
import type { Job, PredictionJob } from '../compute/messages.ts';

export class ScriptedCompute implements Compute {
  readonly description: EngineDescription = {
    backend: 'cpu',
    device: 'cpu',
    threads: 1,
    gemm: 'javascript',
    precision: 'float32',
  };
  readonly numerics = numericsOf({
    ...{ backend: 'cpu', device: 'cpu', gemm: 'javascript', precision: 'float32', threads: 1 },
    ...{ version: '0.1.0', libraries: '', arithmetic: 'a'.repeat(12) },
    ...{ pictures: 'b'.repeat(12), text: 'c'.repeat(12) },
  });
  readonly jobs: Job[] = [];
  /** Jobs that run at this moment; more than one would be a bug of the caller. */
  running = 0;
  readonly predictions: PredictionJob[] = [];
  #tell: ((output: PredictionOutput) => void) | undefined;
  #emit: ((event: TrainerEvent) => void) | undefined;
  #finish: ((error?: unknown) => void) | undefined;

  async run(job: Job, { onEvent, group, signal }: RunOptions): Promise<void> {
    this.jobs.push(job);
    this.running += 1;
    this.#emit = onEvent;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#finish = (error) => (error === undefined ? resolve() : reject(error));
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    } finally {
      this.running -= 1;
      group.close();
    }
  }

  async predict(job: PredictionJob, { onOutput, signal }: PredictOptions): Promise<void> {
    this.predictions.push(job);
    this.running += 1;
    this.#tell = onOutput;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#finish = (error) => (error === undefined ? resolve() : reject(error));
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    } finally {
      this.running -= 1;
    }
  }

  output(output: PredictionOutput): void {
    this.#tell?.(output);
  }

  step(step: number, measures: { readonly loss?: number } = {}): void {
    this.#emit?.(stepEvent(step, measures));
  }

  finish(): void {
    this.#finish?.();
  }

  fail(error: unknown): void {
    this.#finish?.(error);
  }
}

export function stepEvent(step: number, { loss = 1 }: { readonly loss?: number } = {}): TrainerEvent {
  return {
    $case: 'step',
    value: {
      step,
      totalSteps: 100,
      epoch: step / 10,
      loss,
      learningRate: 1e-3,
      gradientNorm: 1,
      samplesPerSecond: 10,
      samplesProcessed: step * 8,
      dataSeconds: 0.1,
      forwardBackwardSeconds: 0.5,
      allReduceSeconds: 0.2,
      optimizerSeconds: 0.1,
      allReduceBytes: 1000,
      datasetLosses: [],
    },
  };
}
