/** The transport between hosts: for each pair of ranks one gRPC call in each direction, each on its own connection. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Metadata } from '@grpc/grpc-js';
import type { TlsIdentity } from '@triptych/protocol';
import { framesOf } from '../frame.ts';
import {
  abortedBy,
  GroupAborted,
  groupAbortController,
  untilAborted,
  withResolvers,
} from '../group-aborted.ts';
import { Mailbox } from '../mailbox.ts';
import type { Expectation, Message, Transport } from '../transport.ts';
import { abortFromStatus, type IncomingCall, IncomingLink } from './incoming-link.ts';
import { type Generation, isProven, type LinkIdentity, writeProof } from './link-identity.ts';
import { canDialAgain, OutgoingLink } from './outgoing-link.ts';

/** Measured best on loopback between 256 KiB and 1 MiB; gRPC's default limit for a message is 4 MiB. */
const chunkBytes = 512 * 1024;
/** Frames of one message handed to gRPC before the first was written out; two keep the socket busy. */
const framesAhead = 2;
const redialMs = 100;
/** After an abort the peers answer within milliseconds; whoever does not is cut off. */
const abortGraceMs = 1000;
const closeTimeoutMs = 10_000;

export interface PeerAddress {
  readonly rank: number;
  /** host:port of the peer's gRPC server. */
  readonly address: string;
}

interface Seat extends Generation {
  readonly rank: number;
  readonly worldSize: number;
  /** What every rank of the generation knows and nobody else does. */
  readonly secret: string;
  readonly tls?: TlsIdentity | undefined;
  /** Aborts the group for as long as it is open. */
  readonly signal: AbortSignal;
}

export class GrpcTransport implements Transport {
  readonly rank: number;
  readonly worldSize: number;
  readonly traffic = { bytesSent: 0, bytesReceived: 0 };
  readonly #seat: Seat;
  readonly #mailboxes: readonly Mailbox[];
  readonly #outgoing = new Map<number, OutgoingLink>();
  readonly #incoming = new Map<number, IncomingLink>();
  readonly #attached: readonly ReturnType<typeof withResolvers<void>>[];
  readonly #controller = groupAbortController();
  readonly #onOuterAbort = () => this.abort(abortedBy(this.rank, this.#seat.signal.reason));
  #closed = false;

  constructor(seat: Seat) {
    this.#seat = seat;
    this.rank = seat.rank;
    this.worldSize = seat.worldSize;
    this.#mailboxes = Array.from({ length: seat.worldSize }, (_, from) => new Mailbox(from));
    this.#attached = this.#mailboxes.map(() => withResolvers<void>());
    seat.signal.addEventListener('abort', this.#onOuterAbort, { once: true });
    if (seat.signal.aborted) this.#onOuterAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves when every link in both directions stands, so every peer has joined. Rejects when the group is aborted. */
  async join(peers: readonly PeerAddress[]): Promise<void> {
    const links = peers.flatMap((peer) => [this.#dial(peer), this.#attached[peer.rank]!.promise]);
    await untilAborted(Promise.all(links), this.signal);
  }

  /** The ranks with which a link is missing in one direction or the other. */
  missing(): number[] {
    return this.#mailboxes
      .map((_, rank) => rank)
      .filter((rank) => rank !== this.rank && !(this.#outgoing.has(rank) && this.#incoming.has(rank)));
  }

  /** Whether the call is of who it says that it is of. */
  isOfPeer({ call }: IncomingCall, identity: LinkIdentity): boolean {
    return isProven(call.metadata, { secret: this.#seat.secret, identity, end: 'dials' });
  }

  /** Takes a peer's call; false where that rank has one already, or can have none. */
  attach(from: number, incoming: IncomingCall): boolean {
    const mailbox = this.#mailboxes[from];
    if (!mailbox || from === this.rank || this.#incoming.has(from)) return false;
    const onBroken = (reason: GroupAborted) => this.abort(reason);
    const identity = this.#linkOf(from, this.rank);
    const prove = (metadata: Metadata) =>
      writeProof(metadata, { secret: this.#seat.secret, identity, end: 'accepts' });
    const link = new IncomingLink({ incoming, from, mailbox, onBroken, prove });
    this.#incoming.set(from, link);
    if (this.signal.aborted) link.abort(this.signal.reason);
    this.#attached[from]!.resolve();
    return true;
  }

  async send(message: Message): Promise<void> {
    this.signal.throwIfAborted();
    const link = this.#outgoing.get(message.to);
    if (!link) throw new GroupAborted(message.to, `rank ${message.to} is not in the group`);
    const inFlight: Promise<void>[] = [];
    try {
      for (const frame of framesOf(message, chunkBytes)) {
        if (inFlight.length >= framesAhead) await inFlight.shift();
        inFlight.push(link.write(frame));
        this.traffic.bytesSent += frame.content.byteLength;
      }
      await Promise.all(inFlight);
    } catch (error) {
      throw abortedBy(message.to, this.signal.reason ?? error);
    }
  }

  async receive(expected: Expectation): Promise<Uint8Array> {
    const content = await this.#mailboxes[expected.from]!.receive(expected);
    this.traffic.bytesReceived += content.byteLength;
    return content;
  }

  abort(reason: GroupAborted): void {
    if (this.signal.aborted || this.#closed) return;
    this.#seat.signal.removeEventListener('abort', this.#onOuterAbort);
    this.#controller.abort(reason);
    for (const mailbox of this.#mailboxes) mailbox.fail(reason);
    // Only the answers carry the reason; the own calls are left to the peers to end, as they do once they know.
    for (const link of this.#incoming.values()) link.abort(reason);
    for (const link of this.#outgoing.values()) link.fail(reason);
    setTimeout(() => this.#cancelAll(), abortGraceMs).unref();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#seat.signal.removeEventListener('abort', this.#onOuterAbort);
    if (this.signal.aborted) return;
    const closed = new GroupAborted(this.rank, `rank ${this.rank} has closed its group`);
    for (const mailbox of this.#mailboxes) mailbox.fail(closed);
    for (const link of this.#outgoing.values()) link.end();
    const timeout = new AbortController();
    const taken = Promise.all([...this.#outgoing.values()].map((link) => link.over));
    await Promise.race([taken, pause(closeTimeoutMs, undefined, timeout)]);
    timeout.abort();
    for (const link of this.#incoming.values()) link.answer();
  }

  /** Dials until the peer has joined: in which order the ranks start does not matter. */
  async #dial({ rank, address }: PeerAddress): Promise<void> {
    const { secret, tls } = this.#seat;
    const identity = this.#linkOf(this.rank, rank);
    while (!this.signal.aborted) {
      const link = new OutgoingLink({ address, identity, secret, tls });
      try {
        await untilAborted(link.accepted, this.signal);
      } catch (error) {
        link.cancel();
        if (this.signal.aborted) return;
        if (!canDialAgain(error)) throw abortFromStatus(error, rank);
        await pause(redialMs, undefined, { signal: this.signal }).catch(() => undefined);
        continue;
      }
      this.#outgoing.set(rank, link);
      void link.over.then((error) => this.#onLinkOver(rank, error));
      return;
    }
  }

  #linkOf(from: number, to: number): LinkIdentity {
    const { runId, attempt, generation, worldSize } = this.#seat;
    return { runId, attempt, generation, from, to, worldSize };
  }

  #onLinkOver(rank: number, error: Error | undefined): void {
    // A peer that has closed its group in order may go away; only an operation that still needs it fails.
    if (this.#closed || this.#incoming.get(rank)?.ended || !error) return;
    this.abort(abortFromStatus(error, rank));
  }

  #cancelAll(): void {
    for (const link of this.#outgoing.values()) link.cancel();
  }
}
