/** What a worker computes, as scripts: the place of the tensor engine behind a real trainer. */
import { isErrorCode, type Numerics, TriptychError, type worker } from '@triptych/protocol';
import type { Compute, Job, PredictionJob, PredictOptions, RunOptions } from '@triptych/worker';

export type TrainerEvent = NonNullable<worker.TrainEvent['event']>;

export type Script<Host> = (request: worker.TrainRequest, host: Host) => AsyncGenerator<TrainerEvent>;

export type PredictionScript = (
  request: worker.PredictRequest,
  signal: AbortSignal,
) => AsyncGenerator<NonNullable<worker.PredictEvent['event']>>;

export interface ScriptComputeOptions {
  readonly numerics: Numerics;
  readonly train: (job: Job) => AsyncGenerator<TrainerEvent>;
  readonly predict: (job: PredictionJob, signal: AbortSignal) => ReturnType<PredictionScript>;
}

export class ScriptCompute implements Compute {
  readonly description: Compute['description'] = {
    ...{ backend: 'wasm', device: 'script', threads: 1, gemm: 'javascript', precision: 'float32' },
  };
  readonly numerics: Numerics;
  readonly #options: ScriptComputeOptions;
  #broken = new AbortController();
  #signal: AbortSignal = this.#broken.signal;

  constructor(options: ScriptComputeOptions) {
    this.#options = options;
    this.numerics = options.numerics;
  }

  /** Ends what is computed, as the training's end or {@link break} does. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /** What is computed now fails. */
  break(reason: TriptychError): void {
    this.#broken.abort(reason);
  }

  async run(job: Job, { group, onEvent, signal }: RunOptions): Promise<void> {
    this.#broken = new AbortController();
    this.#signal = AbortSignal.any([signal, this.#broken.signal]);
    try {
      for await (const event of this.#options.train(job)) {
        this.#signal.throwIfAborted();
        onEvent(event);
      }
    } finally {
      group.close();
    }
  }

  async predict(job: PredictionJob, { onOutput, signal }: PredictOptions): Promise<void> {
    for await (const event of this.#options.predict(job, signal)) {
      signal.throwIfAborted();
      if (event.$case === 'text') onOutput({ kind: 'text', text: event.value.text });
      else if (event.$case === 'made')
        onOutput({ kind: 'result', result: JSON.parse(event.value.resultJson) });
      else {
        const { code, message, violations } = event.value;
        throw new TriptychError(isErrorCode(code) ? code : 'INTERNAL', message, { violations });
      }
    }
    signal.throwIfAborted();
  }
}
