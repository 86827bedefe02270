/**
 * Which samples the weights have seen: a count, and a digest chained over the batches in order. Two runs with equal
 * ledgers were trained on the same samples in the same order.
 */
import { createHash } from 'node:crypto';

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

  /** The positions of one global batch in the manifest, shard after shard. */
  record(indices: readonly Int32Array[]): void {
    const hash = createHash('sha256').update(this.#state.digest);
    let { samples } = this.#state;
    for (const shard of indices) {
      samples += shard.length;
      hash.update(shard.join(',')).update(';');
    }
    this.#state = { samples, digest: hash.digest('hex') };
  }
}
