/** The call on which one peer sends to this rank: frames go to the mailbox, reading stops while it is full. */
import { Metadata, type ServerReadableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import type { peer } from '@triptych/protocol';
import type { Frame } from '../frame.ts';
import { abortedBy, GroupAborted } from '../group-aborted.ts';
import type { Mailbox } from '../mailbox.ts';
import { acceptedKey } from './outgoing-link.ts';
import { widenReceiveWindow } from './receive-window.ts';

/** What gRPC hands to the service: the call and the function that answers it. */
export interface IncomingCall {
  readonly call: ServerReadableStream<Frame, peer.SendResponse>;
  readonly answer: sendUnaryData<peer.SendResponse>;
}

/** In the trailers of an aborted call: the rank to blame, which need not be the one that says so. */
const blamedRankKey = 'triptych-blamed-rank';

export class IncomingLink {
  /** The peer ended it in order, after everything that it sent was taken. */
  ended = false;
  readonly #incoming: IncomingCall;
  #answered = false;

  /** Accepts the call and starts reading. `onBroken` is called once at most. */
  constructor(options: {
    incoming: IncomingCall;
    from: number;
    mailbox: Mailbox;
    onBroken: (reason: GroupAborted) => void;
    /** Puts into the answer that it comes from the rank that was called. */
    prove: (metadata: Metadata) => void;
  }) {
    const { incoming, from, mailbox, onBroken, prove } = options;
    const { call } = incoming;
    this.#incoming = incoming;
    call.on('data', (frame: Frame) => {
      try {
        const taken = mailbox.deliver(frame);
        if (!taken) return;
        call.pause();
        void taken.then(() => call.resume());
      } catch (error) {
        onBroken(abortedBy(from, error));
      }
    });
    call.on('end', () => {
      this.ended = true;
      mailbox.fail(new GroupAborted(from, `rank ${from} has closed its group`));
      this.answer();
    });
    const lost = () => {
      if (!this.#answered) onBroken(new GroupAborted(from, `the connection from rank ${from} was lost`));
      this.#answered = true;
    };
    call.on('cancelled', lost);
    call.on('error', lost);
    widenReceiveWindow(call);
    const metadata = new Metadata();
    metadata.set(acceptedKey, '1');
    prove(metadata);
    call.sendMetadata(metadata);
    if (call.cancelled) lost();
  }

  /** Ends the call in order. */
  answer(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#incoming.answer(null, {});
  }

  /** Ends the call and tells the peer why, and whom to blame. */
  abort(reason: GroupAborted): void {
    if (this.#answered) return;
    this.#answered = true;
    const metadata = new Metadata();
    metadata.set(blamedRankKey, String(reason.rank));
    refuse(this.#incoming, { code: status.ABORTED, details: reason.message, metadata });
  }
}

/** Ends a call with an error status; the rest of what the peer sends is thrown away. */
export function refuse(
  incoming: IncomingCall,
  why: { code: status; details: string; metadata?: Metadata },
): void {
  incoming.answer({ name: 'Refused', message: why.details, ...why });
}

/** The abort that a peer's error status tells of: whom it blames, or the peer itself where its link just broke. */
export function abortFromStatus(error: unknown, from: number): GroupAborted {
  const { code, details, metadata } = error as { code?: status; details?: string; metadata?: Metadata };
  const [blamed] = metadata?.get(blamedRankKey) ?? [];
  if (code === status.ABORTED && typeof blamed === 'string') {
    return new GroupAborted(Number(blamed), details ?? 'aborted', error);
  }
  const said = details ?? (error instanceof Error ? error.message : String(error));
  return new GroupAborted(from, `the link to rank ${from} broke: ${said}`, error);
}
