/**
 * The ranks of one generation and what they do together. Every rank calls the same operations in the same order; a
 * group runs them one after another. An operation cannot be cancelled alone: the whole group is aborted.
 *
 * Once any rank aborts, dies or is cut off, every pending and later operation on every rank rejects with a
 * TriptychError COLLECTIVE_ABORTED that names the operation and the rank to blame; the group is of no further use.
 */
import type { ShardSums } from './shard-accumulator.ts';

export interface ProcessGroup {
  readonly rank: number;
  readonly worldSize: number;
  /** Bytes of content that went over the transport so far, framing not counted. */
  readonly traffic: Traffic;

  /**
   * Sums the vectors of all S shards along one fixed binary tree into `out`, with the same bits for any worldSize and
   * any contiguous division of the shards among ranks. `sums` is complete and stays as it was; both stay untouched by
   * the caller until the promise settles. After a rejection the content of `out` is unspecified.
   */
  allReduceShards(sums: ShardSums, out: Float32Array): Promise<void>;

  /** Everyone's bytes by rank; lengths may differ. The own entry is `bytes` itself. */
  allGather(bytes: Uint8Array): Promise<Uint8Array[]>;

  /** The root's bytes, on every rank. Only the root's `bytes` are looked at; it gets the same array back. */
  broadcast(bytes: Uint8Array | undefined, root: number): Promise<Uint8Array>;

  /** Resolves once every rank has called it. */
  barrier(): Promise<void>;

  /** Ends the group on every rank at once. Only the first reason counts; after `close` it does nothing. */
  abort(reason: Error): void;

  /** Lets go of the group after the last operation. Peers still receive what was sent to them. Never rejects. */
  close(): Promise<void>;
}

export interface Traffic {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}
