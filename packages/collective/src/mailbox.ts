/**
 * What one peer sends, met with what the local rank expects of it, both in order. Frames go straight into the memory the
 * receive named. A frame that nobody waits for yet is held, and with it everything behind it: that is the backpressure.
 */
import type { Frame } from './frame.ts';
import { GroupAborted, withResolvers } from './group-aborted.ts';
import { describeTag } from './phase.ts';
import type { Expectation, Label } from './transport.ts';

interface Receive {
  readonly expected: Expectation;
  target: Uint8Array | undefined;
  filled: number;
  readonly resolve: (content: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

export class Mailbox {
  readonly #from: number;
  readonly #receives: Receive[] = [];
  #held: { frame: Frame; taken: () => void } | undefined;
  #failure: GroupAborted | undefined;

  /** `from` is the peer's rank. */
  constructor(from: number) {
    this.#from = from;
  }

  receive(expected: Expectation): Promise<Uint8Array> {
    const { promise, resolve, reject } = withResolvers<Uint8Array>();
    if (this.#failure && !this.#held) {
      reject(this.#failure);
      return promise;
    }
    this.#receives.push({ expected, target: undefined, filled: 0, resolve, reject });
    const held = this.#held;
    if (held) {
      this.#held = undefined;
      // Throws the same failures as deliver() would have; here there is no reader to tell, only the receive.
      try {
        this.#take(held.frame);
      } catch (error) {
        this.fail(error as GroupAborted);
      }
      held.taken();
    }
    return promise;
  }

  /**
   * Hands over the next frame. Undefined where it was taken at once; otherwise read no further until the promise
   * resolves. Throws GroupAborted where the peer sends something else than the local rank expects.
   */
  deliver(frame: Frame): Promise<void> | undefined {
    if (this.#failure) return undefined;
    if (this.#receives.length > 0) {
      this.#take(frame);
      return undefined;
    }
    const { promise, resolve } = withResolvers<void>();
    this.#held = { frame, taken: resolve };
    return promise;
  }

  /** Nothing more will come: pending and later receives reject. */
  fail(reason: GroupAborted): void {
    this.#failure ??= reason;
    for (const receive of this.#receives.splice(0)) receive.reject(this.#failure);
  }

  #take(frame: Frame): void {
    const receive = this.#receives[0]!;
    receive.target ??= this.#begin(receive.expected, frame);
    if (
      frame.offset !== receive.filled ||
      frame.offset + frame.content.byteLength > receive.target.byteLength
    ) {
      throw this.#mismatch(`bytes ${frame.offset}+${frame.content.byteLength}`, `from ${receive.filled} on`);
    }
    receive.target.set(frame.content, frame.offset);
    receive.filled += frame.content.byteLength;
    if (receive.filled < receive.target.byteLength) return;
    this.#receives.shift();
    receive.resolve(receive.target);
  }

  #begin(expected: Expectation, frame: Frame): Uint8Array {
    if (frame.operation !== expected.operation || frame.tag !== expected.tag) {
      throw this.#mismatch(describeLabel(frame), describeLabel(expected));
    }
    const into = expected.into ?? new Uint8Array(frame.total);
    if (into.byteLength !== frame.total) {
      throw this.#mismatch(`${frame.total} bytes in ${describeLabel(frame)}`, `${into.byteLength}`);
    }
    return into;
  }

  #mismatch(actual: string, expected: string): GroupAborted {
    return new GroupAborted(this.#from, `rank ${this.#from} sent ${actual} where ${expected} was expected`);
  }
}

function describeLabel(label: Label): string {
  return `operation ${label.operation}, ${describeTag(label.tag)}`;
}
