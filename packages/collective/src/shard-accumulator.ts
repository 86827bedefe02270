/**
 * Sums the gradients of one rank's shards as they arrive, along the fixed tree over all S shards. What remains are the
 * canonical cover nodes of the rank's range, in shared memory, ready for `allReduceShards`. It sends nothing.
 */
import { strict as assert } from 'node:assert';
import type { Range } from './shard-range.ts';
import { leftSiblingStart } from './shard-tree.ts';
import { addInto } from './vector-sum.ts';

/** A complete subtree of the shard tree and the sum of its shards' vectors. */
export interface ShardSum extends Range {
  readonly sum: Float32Array;
}

/** One rank's share of the sum over all shards, as the all-reduce takes it. */
export interface ShardSums extends Range {
  /** S, the number of shards in the whole batch. */
  readonly shards: number;
  /** Floats in one vector. */
  readonly length: number;
  /** The canonical cover of [start, end), left to right. */
  readonly nodes: readonly ShardSum[];
}

export class ShardAccumulator implements ShardSums {
  readonly shards: number;
  readonly start: number;
  readonly end: number;
  readonly length: number;
  readonly #nodes: ShardSum[] = [];
  /** Vectors no node uses now; O(log S) exist at most, and they live as long as the accumulator. */
  readonly #spare: Float32Array[] = [];
  #next: number;

  constructor(options: { shards: number; start: number; end: number; length: number }) {
    const { shards, start, end, length } = options;
    assert(0 <= start && start <= end && end <= shards, `[${start}, ${end}) is no range of ${shards} shards`);
    this.shards = shards;
    this.start = start;
    this.end = end;
    this.length = length;
    this.#next = start;
  }

  /** The sums so far; once every shard was added, the canonical cover of the range. Owned by the accumulator. */
  get nodes(): readonly ShardSum[] {
    return this.#nodes;
  }

  get complete(): boolean {
    return this.#next === this.end;
  }

  /** Adds the gradient of the next shard; they come in order, `start` to `end - 1`. The vector is the caller's again. */
  add(shard: number, gradient: Float32Array): void {
    assert(shard === this.#next && shard < this.end, `shard ${shard} came where ${this.#next} was expected`);
    assert(
      gradient.length === this.length,
      `a gradient has ${gradient.length} floats, expected ${this.length}`,
    );
    this.#next++;
    let start = shard;
    let values = gradient;
    for (;;) {
      const left = this.#nodes.at(-1);
      if (!left || left.start !== leftSiblingStart({ start, end: shard + 1 }, this.shards)) break;
      addInto(left.sum, values);
      if (values !== gradient) this.#spare.push(values);
      this.#nodes.pop();
      start = left.start;
      values = left.sum;
    }
    if (values === gradient) {
      values = this.#spare.pop() ?? sharedVector(this.length);
      values.set(gradient);
    }
    this.#nodes.push({ start, end: shard + 1, sum: values });
  }

  /** Forgets every sum and keeps the memory for the next step. */
  reset(): void {
    for (const node of this.#nodes) this.#spare.push(node.sum);
    this.#nodes.length = 0;
    this.#next = this.start;
  }
}

/** A zeroed float vector in memory that threads can share without a copy. */
export function sharedVector(length: number): Float32Array<SharedArrayBuffer> {
  return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
}
