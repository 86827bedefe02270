/** What scripted workers do: the events of a short training, with places to pause and to fail. */
import { type ErrorCode, TriptychError, type worker } from '@triptych/protocol';
import type { Script, TrainerEvent } from './script-compute.ts';
import type { ScriptedWorker } from './scripted-worker.ts';

export interface TrainingScript {
  readonly steps: number;
  /** sha256 of the file list of the trained model. */
  readonly model: string;
  /** Gates where every rank waits: `start`, `step 3` (after that step), `evaluating`, `publishing`. */
  readonly pauses?: readonly string[];
  /** Steps after which a checkpoint is saved; its sha256 repeats the step's digit. */
  readonly checkpoints?: readonly number[];
  /** sha256 of the checkpoint of a step; that of {@link checkpointHash} by default. */
  readonly checkpointOf?: (step: number, request: worker.TrainRequest) => string;
  /** Of the trained model, by metric; `{ top1: 0.9 }` by default. */
  readonly scores?: Readonly<Record<string, number>>;
  /** What a rank tells after a step, beside it. */
  readonly afterStep?: (step: number, request: worker.TrainRequest) => readonly TrainerEvent[];
  /** May throw instead of a step. */
  readonly beforeStep?: (step: number, request: worker.TrainRequest) => void;
}

export const checkpointHash = (step: number): string => String(step).repeat(64).slice(0, 64);

export const weightsHash = 'e'.repeat(64);

export function trainingScript(options: TrainingScript): Script<ScriptedWorker> {
  const { steps, model, pauses = [], checkpoints = [], beforeStep = () => {} } = options;
  const { afterStep = () => [], checkpointOf = checkpointHash, scores = { top1: 0.9 } } = options;
  return async function* (request, host) {
    const isFirst = request.rank === 0;
    const pause = async (name: string) => {
      if (pauses.includes(name)) await host.pauseAt(name);
    };
    yield phase('loading');
    await pause('start');
    yield phase('training');
    for (let step = startOf(request) + 1; step <= steps; step++) {
      beforeStep(step, request);
      yield stepEvent(step, steps);
      yield* afterStep(step, request);
      if (isFirst && checkpoints.includes(step)) {
        const sha256 = checkpointOf(step, request);
        yield { $case: 'checkpoint', value: { step, sha256, bytes: 10, seconds: 0.1 } };
      }
      await pause(`step ${step}`);
    }
    yield phase('evaluating');
    await pause('evaluating');
    if (isFirst)
      for (const [metric, value] of Object.entries(scores)) yield score({ metric, value, step: steps });
    yield phase('publishing');
    await pause('publishing');
    if (isFirst)
      yield { $case: 'model', value: { artifact: model, weightsSha256: weightsHash, weightsBytes: 7 } };
    yield { $case: 'finished', value: { step: steps } };
  };
}

export const failWith = (code: ErrorCode, message = `fails with ${code}`): never => {
  throw new TriptychError(code, message);
};

const startOf = ({ checkpointSha256 }: worker.TrainRequest): number =>
  checkpointSha256 === '' ? 0 : Number(checkpointSha256[0]);

const phase = (name: string): TrainerEvent => ({
  $case: 'phase',
  value: { phase: name, step: 0, totalSteps: 0, message: '' },
});

const stepEvent = (step: number, totalSteps: number): TrainerEvent => ({
  $case: 'step',
  value: {
    step,
    totalSteps,
    epoch: step / totalSteps,
    loss: 3 / step,
    learningRate: 0.001,
    gradientNorm: 1,
    samplesPerSecond: 160,
    samplesProcessed: step * 16,
    dataSeconds: 0.01,
    forwardBackwardSeconds: 0.08,
    allReduceSeconds: 0.01,
    optimizerSeconds: 0.001,
    allReduceBytes: 1000,
    datasetLosses: [],
  },
});

const score = (scored: { metric: string; value: number; step: number }): TrainerEvent => ({
  $case: 'score',
  value: {
    ...scored,
    task: 'zero-shot',
    stage: 'final',
    split: 'test',
    samples: 20,
    unit: 'ratio',
  },
});
