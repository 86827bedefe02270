/**
 * One optimizer step on one rank: forward passes of its shards, the objective's exact gradient over the global batch,
 * backward passes, fixed-order all-reduce, clipping, AdamW. Which model and which objective is not its business, nor which
 * samples a batch holds.
 */
import { type ProcessGroup, type Range, ShardAccumulator, sharedVector } from '@triptych/collective';
import type { Batch, Model, Outputs } from '@triptych/models';
import {
  AdamW,
  type AdamWMoments,
  type AdamWOptions,
  clipByGlobalNorm,
  drainInto,
  type Recording,
  record,
  tf,
} from '@triptych/nn';
import {
  type LossContext,
  type Objective,
  type Scalar,
  tensorsOf,
  type WholeLoss,
} from '../objectives/objective.ts';
import { assertFiniteLoss } from './finite.ts';
import { gatherShards } from './gather.ts';
import { PhaseClock, type PhaseSeconds } from './phase-clock.ts';
import { WeightAverage } from './weight-average.ts';

export interface TrainerOptions {
  /** Stays the caller's; the trainer changes its trainable parameters in place. */
  readonly model: Model;
  readonly objective: Objective;
  readonly objectiveOptions?: Readonly<Record<string, unknown>>;
  readonly scalars: Readonly<Record<string, Scalar>>;
  /** One for each dataset of the run. */
  readonly lossWeights?: readonly number[];
  readonly optimizer: AdamWOptions & { readonly clipNorm: number };
  /** Decay of the moving average of the weights; absent: none is kept. */
  readonly averaging?: number | undefined;
  readonly group: ProcessGroup;
  /** Of the global batch: how many there are, and which are this rank's. */
  readonly shards: number;
  readonly range: Range;
  readonly samplesPerShard: number;
  /** Where the optimizer was when the weights were taken; its vectors are adopted. Absent: it begins. */
  readonly resumeFrom?:
    | (AdamWMoments & { readonly step: number; readonly average?: Float32Array })
    | undefined;
  /** True: forward passes run twice and only one shard's activations are held at a time. The numbers are the same. */
  readonly recompute: boolean;
}

export interface StepOptions {
  readonly step: number;
  readonly learningRate: number;
  readonly signal: AbortSignal;
  /** The names of a shard's samples, for the error message where the numbers explode. */
  readonly samplesOf: (shard: number) => readonly string[];
  /** Called when only the network is busy: the time to prepare the next batch. */
  readonly onReduce?: () => void;
}

export interface StepResult {
  readonly loss: number;
  /** The mean loss of each dataset, without its weight; one number where the objective does not tell them apart. */
  readonly losses: readonly number[];
  /** Before clipping. */
  readonly gradientNorm: number;
  readonly seconds: PhaseSeconds;
  readonly bytesSent: number;
}

/** A parameter of the loss, as it lies in the trainable vector. */
interface PlacedScalar extends Scalar {
  readonly name: string;
  readonly offset: number;
}

interface Pass {
  readonly batches: readonly Batch[];
  readonly at: LossContext;
  readonly signal: AbortSignal;
}

export class Trainer {
  readonly optimizer: AdamW;
  readonly average: WeightAverage | undefined;
  readonly #options: TrainerOptions;
  readonly #sums: ShardAccumulator;
  readonly #lossWeights: readonly number[];
  /**
   * The gradient of one shard, and after it its losses, so that all are summed in one all-reduce; once all shards were
   * added, the sum over all of them.
   */
  readonly #gradientAndLosses: Float32Array;
  readonly #scalars: readonly PlacedScalar[];

  constructor(options: TrainerOptions) {
    const { model, shards, range, lossWeights = [1] } = options;
    const { layout } = model.trainable;
    this.#options = options;
    this.optimizer = new AdamW(layout, options.optimizer, options.resumeFrom);
    this.optimizer.stepCount = options.resumeFrom?.step ?? 0;
    if (options.averaging !== undefined)
      this.average = new WeightAverage(
        options.averaging,
        options.resumeFrom?.average ?? model.trainable.flat.slice(),
      );
    this.#lossWeights = lossWeights;
    const length = layout.length + lossWeights.length;
    this.#sums = new ShardAccumulator({ shards, ...range, length });
    this.#gradientAndLosses = sharedVector(length);
    this.#scalars = [...layout.named()].flatMap(({ name, offset }) => {
      const scalar = options.scalars[name];
      return scalar ? [{ name, offset, ...scalar }] : [];
    });
  }

  /**
   * Takes one step on this rank's shards of the global batch; every rank must call it with the same step.
   * @throws TriptychError LOSS_NOT_FINITE on every rank alike; the abort reason; what the group rejects with.
   */
  async step(batches: readonly Batch[], options: StepOptions): Promise<StepResult> {
    const { group, optimizer, model } = this.#options;
    const clock = new PhaseClock();
    const bytesBefore = group.traffic.bytesSent;
    const pass = { batches, at: this.#lossContext(options), signal: options.signal };
    const kept: Recording[] = [];
    try {
      const summaries = await this.#summaries(pass, kept);
      clock.enter('allReduce');
      const all = await gatherShards(group, summaries, this.#options.shards);
      options.signal.throwIfAborted();
      clock.enter('forwardBackward');
      using whole = await this.#options.objective.whole(all, pass.at);
      await this.#backward(pass, { kept, whole });
    } finally {
      for (const recording of kept) recording.dispose();
    }
    clock.enter('allReduce');
    const reduced = group.allReduceShards(this.#sums, this.#gradientAndLosses);
    options.onReduce?.();
    await reduced;
    options.signal.throwIfAborted();
    clock.enter('optimizer');
    const { length } = model.trainable.layout;
    const gradient = this.#gradientAndLosses.subarray(0, length);
    const losses = [...this.#gradientAndLosses.subarray(length)];
    const loss = losses.length === 1 ? losses[0]! : this.#weighted(losses);
    const gradientNorm = clipByGlobalNorm(gradient, optimizer.clipNorm);
    assertFiniteLoss({ loss, gradientNorm, step: options.step });
    this.#update(gradient, options.learningRate);
    const bytesSent = group.traffic.bytesSent - bytesBefore;
    return { loss, losses, gradientNorm, seconds: clock.stop(), bytesSent };
  }

  /**
   * The mean loss of each dataset on a held-out batch, of which `batches` are this rank's shards: nothing is dropped, and nothing
   * changes. Every rank must call it, and gets the same, whatever their number.
   */
  async loss(
    batches: readonly Batch[],
    options: Pick<StepOptions, 'step' | 'signal' | 'samplesOf'>,
  ): Promise<number[]> {
    const { group, objective, model, shards, range } = this.#options;
    const at = this.#lossContext(options);
    const kept: Outputs[] = [];
    const own: Uint8Array[] = [];
    try {
      const summaries: Uint8Array[] = [];
      for (const batch of batches) {
        const outputs = objective.needsOutputs ? model.forward(batch, {}) : undefined;
        if (outputs) kept.push(outputs);
        summaries.push(await objective.summary({ batch, ...(outputs && { outputs }) }, at));
        options.signal.throwIfAborted();
      }
      using whole = await objective.whole(await gatherShards(group, summaries, shards), at);
      for (const [i, batch] of batches.entries()) {
        const outputs = kept[i] ?? model.forward(batch, {});
        if (!kept[i]) kept[i] = outputs;
        const { gradients, losses } = await whole.pull(range.start + i, { outputs, batch });
        tf.dispose(gradients as tf.Tensor[]);
        tf.dispose(tensorsOf(outputs));
        own.push(new Uint8Array(Float64Array.from(this.#lossWeights, (_, one) => losses[one] ?? 0).buffer));
        options.signal.throwIfAborted();
      }
    } finally {
      tf.dispose(kept.flatMap(tensorsOf));
    }
    const all = (await gatherShards(group, own, shards)).map(
      // A copy: what came over the wire need not be aligned.
      (bytes) => new Float64Array(new Uint8Array(bytes).buffer),
    );
    return this.#lossWeights.map((_, one) => all.reduce((sum, losses) => sum + losses[one]!, 0));
  }

  #lossContext({ step, samplesOf }: Pick<StepOptions, 'step' | 'samplesOf'>): LossContext {
    const { objectiveOptions = {}, samplesPerShard, model } = this.#options;
    const { flat } = model.trainable;
    const scalars = Object.fromEntries(this.#scalars.map(({ name, offset }) => [name, flat[offset]!]));
    const lossWeights = this.#lossWeights;
    return { options: objectiveOptions, samplesPerShard, scalars, lossWeights, step, samplesOf };
  }

  /** Of this rank's shards. Where the objective needs outputs, their recordings are kept, or made again later. */
  async #summaries({ batches, at, signal }: Pass, kept: Recording[]): Promise<Uint8Array[]> {
    const { objective, recompute } = this.#options;
    const summaries: Uint8Array[] = [];
    for (const [i, batch] of batches.entries()) {
      if (!objective.needsOutputs) {
        summaries.push(await objective.summary({ batch }, at));
      } else if (recompute) {
        const outputs = this.#forward(batch, i, at.step);
        try {
          summaries.push(await objective.summary({ batch, outputs }, at));
        } finally {
          tf.dispose(tensorsOf(outputs));
        }
      } else {
        const { recording, outputs } = this.#record(batch, i, at.step);
        kept.push(recording);
        summaries.push(await objective.summary({ batch, outputs }, at));
      }
      signal.throwIfAborted();
    }
    return summaries;
  }

  async #backward(
    { batches, at, signal }: Pass,
    { kept, whole }: { readonly kept: readonly Recording[]; readonly whole: WholeLoss },
  ): Promise<void> {
    const { range } = this.#options;
    this.#sums.reset();
    for (const [i, batch] of batches.entries()) {
      const shard = range.start + i;
      const recorded = kept[i];
      if (recorded) {
        await this.#pull(
          { recording: recorded, outputs: outputsOf(batch, recorded) },
          { whole, shard, batch },
        );
      } else {
        const again = this.#record(batch, i, at.step);
        using _ = again.recording;
        await this.#pull(again, { whole, shard, batch });
      }
      this.#sums.add(shard, this.#gradientAndLosses);
      signal.throwIfAborted();
    }
  }

  /** Gradient and losses of one shard into the vector. */
  async #pull(
    { recording, outputs }: { readonly recording: Recording; readonly outputs: Outputs },
    at: { readonly whole: WholeLoss; readonly shard: number; readonly batch: Batch },
  ): Promise<void> {
    const { layout } = this.#options.model.trainable;
    const { gradients, losses, scalars } = await at.whole.pull(at.shard, { outputs, batch: at.batch });
    try {
      const vector = this.#gradientAndLosses.subarray(0, layout.length);
      await drainInto(recording.drain(gradients), layout, vector);
    } finally {
      tf.dispose(gradients as tf.Tensor[]);
    }
    for (const { name, offset } of this.#scalars) this.#gradientAndLosses[offset] = scalars[name] ?? 0;
    for (let i = 0; i < this.#lossWeights.length; i++)
      this.#gradientAndLosses[layout.length + i] = losses[i] ?? 0;
  }

  #forward(batch: Batch, i: number, step: number): Outputs {
    return this.#options.model.forward(batch, { dropout: { step, shard: this.#options.range.start + i } });
  }

  #record(batch: Batch, i: number, step: number): { recording: Recording; outputs: Outputs } {
    const recording = record(this.#options.model.trainable.tensors(), () =>
      tensorsOf(this.#forward(batch, i, step)),
    );
    return { recording, outputs: outputsOf(batch, recording) };
  }

  #weighted(losses: readonly number[]): number {
    return losses.reduce((sum, loss, i) => sum + this.#lossWeights[i]! * loss, 0);
  }

  #update(gradient: Float32Array, learningRate: number): void {
    const { trainable } = this.#options.model;
    const { flat } = trainable;
    this.optimizer.step(flat, gradient, learningRate);
    for (const { offset, min = -Infinity, max = Infinity } of this.#scalars)
      flat[offset] = Math.min(max, Math.max(min, flat[offset]!));
    this.average?.update(flat);
    trainable.upload();
  }
}

/** What the model gave, as the recording holds it: two tensors are features, one is logits. */
function outputsOf(batch: Batch, { outputs }: Recording): Outputs {
  if (batch.targets) return { kind: 'logits', logits: outputs[0] as tf.Tensor2D };
  return { kind: 'features', images: outputs[0] as tf.Tensor2D, texts: outputs[1] as tf.Tensor2D };
}
