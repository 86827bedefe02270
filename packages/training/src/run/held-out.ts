/** Held-out batches, always the same ones, for the loss while a run is trained. */
import type { Range } from '@triptych/collective';
import { mixturePlan } from '@triptych/datasets';
import type { Processor } from '@triptych/models';
import type { ResolvedRunSpec, Validation } from '@triptych/protocol';
import { BatchLoader } from '../loading/batch-loader.ts';
import type { Examples } from '../loading/examples.ts';
import type { Trainer } from '../step/trainer.ts';

export interface HeldOutOptions {
  /** Of the dataset that the run is scored on. */
  readonly examples: Examples;
  readonly processor: Processor;
  readonly validation: Validation;
  readonly spec: Pick<ResolvedRunSpec, 'batch' | 'seed'>;
  /** This rank's shards. */
  readonly range: Range;
}

export class HeldOut {
  /** Samples that are looked at: as many as fill whole batches. */
  readonly samples: number;
  readonly #loader: BatchLoader;
  readonly #batches: number;

  constructor({ examples, processor, validation, spec, range }: HeldOutOptions) {
    const { batch, seed } = spec;
    const samples = examples.dataset.indices(validation.split).slice(0, validation.limit);
    const plan = mixturePlan({ datasets: [{ samples, weight: 1 }], globalBatch: batch.global, seed });
    this.#batches = plan.stepsPerEpoch;
    this.samples = this.#batches * batch.global;
    const samplesPerShard = batch.global / batch.shards;
    this.#loader = new BatchLoader({ examples: [examples], plan, processor, range, samplesPerShard, seed });
  }

  /** The mean over the batches; of the first dataset. */
  async loss(trainer: Trainer, signal: AbortSignal): Promise<number> {
    let sum = 0;
    for (let step = 0; step < this.#batches; step++) {
      const batches = await this.#loader.load(step);
      const samplesOf = (shard: number) => this.#loader.samplesOf(step, shard);
      const [loss = 0] = await trainer.loss(batches, { step, signal, samplesOf });
      sum += loss;
    }
    return sum / this.#batches;
  }
}
