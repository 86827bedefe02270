/**
 * What one peer sends, met with what the local rank expects of it, both in order. Frames go straight into the memory the
 * receive named; where it named none, memory grows with what has come, whatever the frames say is still to come. A frame that nobody
 * waits for yet is held, and with it everything behind it: that is the backpressure.
 */
import type { Frame } from './frame.ts';
import { GroupAborted, withResolvers } from './group-aborted.ts';
import { describeTag } from './phase.ts';
import type { Expectation, Label } from './transport.ts';

/** More than any message of a training; a mistake, or a lie, does not take all memory. */
const MOST_BYTES = 4 * 1024 ** 3;
/** What a message may take before its bytes have come. */
const FIRST_BYTES = 4 * 1024 ** 2;

interface Receive {
  readonly expected: Expectation;
  /** What the whole message is long; as its first frame says. */
  total: number | undefined;
  target: Uint8Array;
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
    this.#receives.push({ expected, total: undefined, target: NOTHING, filled: 0, resolve, reject });
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
    if (receive.total === undefined) this.#begin(receive, frame);
    const total = receive.total ?? 0;
    const { offset, content } = frame;
    const end = offset + content.byteLength;
    this.#assertExpected(frame, receive.expected);
    // A frame without content brings nothing on: any number of them could follow.
    if (offset !== receive.filled || end > total || (content.byteLength === 0 && total > 0)) {
      throw this.#mismatch(
        `bytes ${offset}+${content.byteLength} of ${frame.total}`,
        `from ${receive.filled} on`,
      );
    }
    if (frame.total !== total) throw this.#mismatch(`a part of ${frame.total} bytes`, `one of ${total}`);
    if (end > receive.target.byteLength) receive.target = grown(receive, end);
    receive.target.set(content, offset);
    receive.filled = end;
    if (end < total) return;
    this.#receives.shift();
    receive.resolve(receive.target);
  }

  #begin(receive: Receive, frame: Frame): void {
    const { expected } = receive;
    const { total } = frame;
    this.#assertExpected(frame, expected);
    if (expected.into && expected.into.byteLength !== total) {
      throw this.#mismatch(`${total} bytes in ${describeLabel(frame)}`, `${expected.into.byteLength}`);
    }
    if (total > MOST_BYTES)
      throw this.#mismatch(`a message of ${total} bytes`, `one of at most ${MOST_BYTES}`);
    receive.total = total;
    receive.target = expected.into ?? new Uint8Array(Math.min(total, FIRST_BYTES));
  }

  #assertExpected(frame: Frame, expected: Expectation): void {
    if (frame.operation === expected.operation && frame.tag === expected.tag) return;
    throw this.#mismatch(describeLabel(frame), describeLabel(expected));
  }

  #mismatch(actual: string, expected: string): GroupAborted {
    return new GroupAborted(this.#from, `rank ${this.#from} sent ${actual} where ${expected} was expected`);
  }
}

function describeLabel(label: Label): string {
  return `operation ${label.operation}, ${describeTag(label.tag)}`;
}

const NOTHING = new Uint8Array(0);

/** Twice the memory, so that nothing is copied more than a few times, and no more than the message needs. */
function grown({ target, total = 0 }: Receive, needed: number): Uint8Array {
  const larger = new Uint8Array(Math.min(total, Math.max(needed, 2 * target.byteLength)));
  larger.set(target);
  return larger;
}
