/**
 * What a process group needs from the wire: ordered, reliable, flow-controlled messages between each pair of ranks, and
 * an abort that reaches everyone. It knows nothing of sums. Every implementation passes the suite in
 * `testing/transport-contract.ts`.
 */
import type { GroupAborted } from './group-aborted.ts';
import type { Traffic } from './process-group.ts';

export interface Transport {
  readonly rank: number;
  readonly worldSize: number;
  readonly traffic: Traffic;
  /** Aborted, with a GroupAborted as reason, when any rank broke the group. */
  readonly signal: AbortSignal;

  /**
   * Resolves once `content` may be written to again, which can be before the receiver has it. Waits while the receiver
   * does not read. Messages to one rank arrive in the order of the calls; one call per receiver at a time.
   */
  send(message: Message): Promise<void>;

  /**
   * The next message of a rank, which must be the expected one. With `into`, which must have the message's exact length,
   * the content is written there and `into` is the result; without, the result is a new array.
   */
  receive(expected: Expectation): Promise<Uint8Array>;

  /** Rejects everything that is pending or comes later, here and on every other rank. The first reason stays. */
  abort(reason: GroupAborted): void;

  /** Ends the links after what was sent has reached the peers, or after a bounded wait. Never rejects. */
  close(): Promise<void>;
}

export interface Label {
  /** The operation's number in its group, from 1. */
  readonly operation: number;
  /** Which message of the operation this is; see `phase.ts`. */
  readonly tag: number;
}

export interface Message extends Label {
  readonly to: number;
  readonly content: Uint8Array;
}

export interface Expectation extends Label {
  readonly from: number;
  readonly into?: Uint8Array;
}
