/** The global batches of a run, as this rank's shards need them. Which samples, and which captions: the batch plan's choice. */
import type { Range } from '@triptych/collective';
import type { BatchPlan } from '@triptych/datasets';
import type { Batch, Processor } from '@triptych/models';
import type { Examples } from './examples.ts';

export interface BatchLoaderOptions {
  readonly examples: Examples;
  readonly plan: BatchPlan;
  readonly processor: Processor;
  readonly range: Range;
}

export class BatchLoader {
  readonly #options: BatchLoaderOptions;
  #prefetched: { readonly step: number; readonly batches: Promise<Batch[]> } | undefined;

  constructor(options: BatchLoaderOptions) {
    this.#options = options;
  }

  /** This rank's shards of the global batch of `step`, in order. */
  async load(step: number): Promise<Batch[]> {
    const prefetched = this.#prefetched;
    this.#prefetched = undefined;
    return prefetched?.step === step ? await prefetched.batches : await this.#read(step);
  }

  /** Begins to load a step that will be asked for next. A failure is reported when it is. */
  prefetch(step: number): void {
    const batches = this.#read(step);
    batches.catch(() => undefined);
    this.#prefetched = { step, batches };
  }

  /** The ids of a shard's samples, for messages and the ledger. */
  samplesOf(step: number, shard: number): string[] {
    const { examples, plan } = this.#options;
    const { samples } = examples.dataset.manifest;
    return Array.from(plan.shard(step, shard).indices, (index) => samples[index]!.id);
  }

  async #read(step: number): Promise<Batch[]> {
    const { plan, processor, examples, range } = this.#options;
    const batches: Batch[] = [];
    for (let shard = range.start; shard < range.end; shard++) {
      const { indices } = plan.shard(step, shard);
      const wanted = Array.from(indices, (index) =>
        examples.at(index, (count) => plan.captionOf(step, index, count)),
      );
      batches.push(await processor.batch(wanted));
    }
    return batches;
  }
}
