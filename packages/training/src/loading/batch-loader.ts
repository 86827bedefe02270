/** The global batches of a run, as this rank's shards need them. Which samples, and which captions: the plan's choice. */
import type { Range } from '@triptych/collective';
import { type MixturePlan, type PlannedBatch, type RandomCrop, randomStream } from '@triptych/datasets';
import type { Batch, Example, Processor } from '@triptych/models';
import type { Examples } from './examples.ts';

export interface BatchLoaderOptions {
  /** One for each dataset of the run. */
  readonly examples: readonly Examples[];
  readonly plan: MixturePlan;
  readonly processor: Processor;
  readonly range: Range;
  readonly samplesPerShard: number;
  readonly seed: number;
  readonly crop?: RandomCrop | undefined;
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

  /** The ids of a shard's samples, for messages. */
  samplesOf(step: number, shard: number): string[] {
    const { examples, plan } = this.#options;
    const batch = plan.batch(step);
    return this.#rows(shard).map(
      (row) => examples[batch.datasets[row]!]!.dataset.manifest.samples[batch.samples[row]!]!.id,
    );
  }

  async #read(step: number): Promise<Batch[]> {
    const { plan, processor, range } = this.#options;
    const planned = plan.batch(step);
    const batches: Batch[] = [];
    for (let shard = range.start; shard < range.end; shard++) {
      const examples = this.#rows(shard).map((row) => this.#example(planned, { row, step }));
      batches.push(await processor.batch(examples));
    }
    return batches;
  }

  #example({ samples, datasets }: PlannedBatch, { row, step }: { row: number; step: number }): Example {
    const { plan, examples, seed, crop } = this.#options;
    const [sample, dataset] = [samples[row]!, datasets[row]!];
    return examples[dataset]!.at(sample, {
      choose: (count) => plan.choose({ step, dataset, sample, count }),
      stream: (...purpose) => randomStream(seed, 'sample', step, dataset, sample, ...purpose),
      crop,
    });
  }

  #rows(shard: number): number[] {
    const { samplesPerShard } = this.#options;
    return Array.from({ length: samplesPerShard }, (_, i) => shard * samplesPerShard + i);
  }
}
