/** The global batches of a run, as this rank's shards need them. Which samples, and which captions: the batch plan's choice. */
import type { Range } from '@triptych/collective';
import type { BatchPlan, ClipTokenizer, Dataset } from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import type { ShardBatch } from '../step/shard-batch.ts';
import type { ImageReader } from './image-reader.ts';

export interface BatchLoaderOptions {
  readonly dataset: Dataset;
  readonly plan: BatchPlan;
  readonly images: ImageReader;
  readonly tokenizer: ClipTokenizer;
  readonly contextLength: number;
  readonly range: Range;
}

export class BatchLoader {
  readonly #options: BatchLoaderOptions;
  /** Captions are tokenised once. */
  readonly #ids = new Map<string, Int32Array>();
  #prefetched: { readonly step: number; readonly batches: Promise<ShardBatch[]> } | undefined;

  constructor(options: BatchLoaderOptions) {
    this.#options = options;
  }

  /** This rank's shards of the global batch of `step`, in order. */
  async load(step: number): Promise<ShardBatch[]> {
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
    const { dataset, plan } = this.#options;
    return Array.from(plan.shard(step, shard).indices, (index) => dataset.manifest.samples[index]!.id);
  }

  async #read(step: number): Promise<ShardBatch[]> {
    const { start, end } = this.#options.range;
    const batches: ShardBatch[] = [];
    for (let shard = start; shard < end; shard++) batches.push(await this.#readShard(step, shard));
    return batches;
  }

  async #readShard(step: number, shard: number): Promise<ShardBatch> {
    const { dataset, plan, images, contextLength } = this.#options;
    const { indices } = plan.shard(step, shard);
    const ids = new Int32Array(indices.length * contextLength);
    for (const [row, index] of indices.entries()) {
      const captions = captionsOf(dataset, index);
      const caption = captions[plan.captionOf(step, index, captions.length)]!;
      ids.set(this.#encode(caption), row * contextLength);
    }
    return { samples: indices.length, patches: await images.patches(indices), ids };
  }

  #encode(caption: string): Int32Array {
    const { tokenizer, contextLength } = this.#options;
    const known = this.#ids.get(caption);
    if (known) return known;
    const ids = tokenizer.encode(caption, contextLength);
    this.#ids.set(caption, ids);
    return ids;
  }
}

/** @throws TriptychError DATASET_INVALID for a sample that has none. */
export function captionsOf({ manifest }: Dataset, sample: number): readonly string[] {
  const { id, content } = manifest.samples[sample]!;
  if (content.kind === 'captions') return content.texts;
  throw new TriptychError(
    'DATASET_INVALID',
    `Sample ${id} has a ${content.kind}, expected captions; register the folder in a format with captions`,
  );
}
