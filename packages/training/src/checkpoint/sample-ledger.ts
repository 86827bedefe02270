/**
 * Which samples the weights have seen: a count, and a digest chained over the batches in order. Two runs with equal
 * ledgers were trained on the same samples in the same order.
 */
import { createHash } from 'node:crypto';
import type { PlannedBatch } from '@triptych/datasets';

export interface LedgerState {
  readonly samples: number;
  /** Hex; empty before the first batch. */
  readonly digest: string;
}

export class SampleLedger {
  #state: LedgerState;

  constructor(state: LedgerState = { samples: 0, digest: '' }) {
    this.#state = state;
  }

  get state(): LedgerState {
    return this.#state;
  }

  /** One global batch, shard after shard: positions in the manifests, after the first dataset with that of the dataset. */
  record({ samples, datasets }: Pick<PlannedBatch, 'samples' | 'datasets'>, shards: number): void {
    const hash = createHash('sha256').update(this.#state.digest);
    const names = Array.from(samples, (sample, row) =>
      datasets[row] === 0 ? `${sample}` : `${datasets[row]}:${sample}`,
    );
    const each = names.length / shards;
    for (let start = 0; start < names.length; start += each)
      hash.update(names.slice(start, start + each).join(',')).update(';');
    this.#state = { samples: this.#state.samples + samples.length, digest: hash.digest('hex') };
  }
}
