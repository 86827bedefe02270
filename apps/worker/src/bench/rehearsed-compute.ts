/**
 * What a light worker does instead of computing: the events of a short training in a fixed time, with real artifacts. The seed
 * of the run says how it goes, so that whoever submits it knows.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Numerics, TriptychError } from '@triptych/protocol';
import { type ArtifactStore, putFiles } from '@triptych/storage';
import type { TrainerEvent } from '@triptych/training';
import type { Compute, RunOptions } from '../compute/compute.ts';
import type { Job } from '../compute/messages.ts';

export interface RehearsedComputeOptions {
  readonly numerics: Numerics;
  /** Where checkpoints and models go. */
  readonly store: ArtifactStore;
  /** Of one step. */
  readonly stepMs: number;
  /** config.json of the trained models. */
  readonly config: string;
}

/** The last digits of a run's seed decide: one run in twenty fails for good, one fails after its first checkpoint and goes on. */
const KINDS = 20;
const FAILS_FOR_GOOD = 0;
const FAILS_ONCE = 1;
const CHECKPOINT_BYTES = 4096;

export class RehearsedCompute implements Compute {
  readonly description: Compute['description'] = {
    ...{ backend: 'wasm', device: 'none', threads: 1, gemm: 'onnxruntime', precision: 'float32' },
  };
  readonly #options: RehearsedComputeOptions;

  constructor(options: RehearsedComputeOptions) {
    this.#options = options;
  }

  get numerics(): Numerics {
    return this.#options.numerics;
  }

  async run(job: Job, { group, onEvent, signal }: RunOptions): Promise<void> {
    try {
      for await (const event of this.#events(job, signal)) {
        signal.throwIfAborted();
        onEvent(event);
      }
    } finally {
      group.close();
    }
  }

  async predict(): Promise<void> {
    throw new TriptychError('BACKEND_UNAVAILABLE', 'A light worker has no model to ask');
  }

  async *#events({ spec, rank, checkpoint }: Job, signal: AbortSignal): AsyncGenerator<TrainerEvent> {
    const { store, stepMs, config } = this.#options;
    const kind = spec.seed % KINDS;
    const total = 'steps' in spec.duration ? (spec.duration.steps as number) : 1;
    const isFirst = rank === 0;
    const every = spec.checkpoint.everySteps;
    yield phase('loading');
    const begun = checkpoint === undefined ? 0 : stepIn(await store.get(checkpoint));
    yield phase('training');
    for (let step = begun + 1; step <= total; step++) {
      await delay(stepMs, undefined, { signal });
      yield stepOf(step, { total, seconds: stepMs / 1000, batch: spec.batch.global });
      if (kind === FAILS_FOR_GOOD && step * 2 >= total)
        throw new TriptychError('LOSS_NOT_FINITE', `The loss of step ${step + 1} is not finite`);
      if (!isFirst || every === 0 || step % every !== 0) continue;
      const { sha256, bytes } = await store.put(checkpointOf(spec.seed, step));
      yield { $case: 'checkpoint', value: { step, sha256, bytes, seconds: 0.01 } };
      // Told before it is over: what was not recorded would be lost with the rank.
      if (kind === FAILS_ONCE && begun === 0) {
        await delay(stepMs, undefined, { signal });
        throw new TriptychError('INTERNAL', 'A rehearsed failure: the run goes on from its checkpoint');
      }
    }
    yield phase('evaluating');
    if (isFirst)
      for (const metric of ['accuracy@1', 'mean_per_class_recall'])
        yield { $case: 'score', value: scoreOf(metric, total) };
    yield phase('publishing');
    if (isFirst) {
      const weights = checkpointOf(spec.seed, total + 1);
      const { sha256: artifact } = await putFiles(store, [
        { path: 'config.json', content: Buffer.from(config) },
        { path: 'model.safetensors', content: weights },
      ]);
      yield {
        $case: 'model',
        value: { artifact, weightsSha256: sha256Of(weights), weightsBytes: weights.length },
      };
    }
    yield { $case: 'finished', value: { step: total } };
  }
}

/** Other bytes for every run and step, the same whenever the step is made again. Its step is its head. */
function checkpointOf(seed: number, step: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(step);
  head.writeUInt32LE(seed, 4);
  const rest = createHash('shake256', { outputLength: CHECKPOINT_BYTES - head.length })
    .update(head)
    .digest();
  return Buffer.concat([head, rest]);
}

const stepIn = (checkpoint: Uint8Array): number => Buffer.from(checkpoint).readUInt32LE();

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const phase = (name: string): TrainerEvent => ({
  $case: 'phase',
  value: { phase: name, step: 0, totalSteps: 0, message: '' },
});

const stepOf = (
  step: number,
  { total, seconds, batch }: { readonly total: number; readonly seconds: number; readonly batch: number },
): TrainerEvent => ({
  $case: 'step',
  value: {
    ...{ step, totalSteps: total, epoch: step / total, loss: 3 / step, learningRate: 1e-3, gradientNorm: 1 },
    ...{ samplesPerSecond: batch / seconds, samplesProcessed: step * batch, dataSeconds: 0 },
    ...{ forwardBackwardSeconds: seconds, allReduceSeconds: 0, optimizerSeconds: 0, allReduceBytes: 1000 },
    datasetLosses: [],
  },
});

const scoreOf = (metric: string, step: number) => ({
  ...{ task: 'zero-shot', metric, value: 0.9, stage: 'final', split: 'test', step },
  ...{ samples: 20, unit: 'ratio', chance: 0.14 },
});
