/**
 * The worker's end of all peer links: the gRPC service that peers call, and `connect`, which joins a generation. A peer
 * may call before the local rank has joined: its call is parked, unread, until then. Frames of another run, attempt or
 * generation never reach a group. The gRPC server itself belongs to the application.
 */
import { type Server, status } from '@grpc/grpc-js';
import { type peer, type TlsIdentity, TriptychError } from '@triptych/protocol';
import { abortedBy, GroupAborted } from '../group-aborted.ts';
import type { ProcessGroup } from '../process-group.ts';
import { TransportGroup } from '../transport-group.ts';
import { peerLinkDefinition } from './frame-codec.ts';
import { GrpcTransport, type PeerAddress } from './grpc-transport.ts';
import { type IncomingCall, refuse } from './incoming-link.ts';
import {
  compareGenerations,
  describeGeneration,
  type Generation,
  type LinkIdentity,
  readIdentity,
} from './link-identity.ts';

export interface ConnectOptions extends Generation {
  readonly rank: number;
  /** Every rank of the generation; the own entry may be there or not. */
  readonly peers: readonly PeerAddress[];
  /** What every rank of the generation was told by its supervisor, and nobody else. */
  readonly secret: string;
  /** Aborts the group, while it is being joined and ever after. */
  readonly signal: AbortSignal;
  /** How long to wait for all peers to join; 60 s by default. */
  readonly timeoutMs?: number;
}

interface Membership extends Generation {
  readonly transport: GrpcTransport;
}

interface Parked {
  readonly identity: LinkIdentity;
  readonly incoming: IncomingCall;
}

export class PeerHub {
  /** Implementation of `peer.PeerLinkService`; `addTo` registers it with a codec that spares a copy. */
  readonly service: peer.PeerLinkServer = { send: (call, answer) => this.#onCall({ call, answer }) };
  /** The latest generation that was joined here, by run, newest last. */
  readonly #memberships = new Map<string, Membership>();
  readonly #parked = new Set<Parked>();
  readonly #parkMs: number;
  readonly #maxParked: number;
  readonly #maxRuns = 64;
  readonly #tls: TlsIdentity | undefined;

  /** `parkMs`: how long an early peer is kept before it is told to dial again. `tls`: with what peers are dialled. */
  constructor(options: { parkMs?: number; maxParked?: number; tls?: TlsIdentity | undefined } = {}) {
    this.#parkMs = options.parkMs ?? 60_000;
    this.#maxParked = options.maxParked ?? 1024;
    this.#tls = options.tls;
  }

  addTo(server: Server): void {
    server.addService(peerLinkDefinition, this.service);
  }

  /**
   * Joins a generation; resolves when every rank has. A worker joins each generation of a run once, in rising order.
   * Rejects with COLLECTIVE_ABORTED that names the ranks that did not come, refused, or were lost.
   */
  async connect(options: ConnectOptions): Promise<ProcessGroup> {
    const { rank, timeoutMs = 60_000 } = options;
    const peers = options.peers.filter((peer) => peer.rank !== rank);
    const where = `joining ${describeGeneration(options)} as rank ${rank} of ${peers.length + 1}`;
    const giveUp = () => {
      const missing = transport.missing();
      const reason = `no link with rank ${missing.join(', ')} within ${timeoutMs} ms`;
      transport.abort(new GroupAborted(missing[0] ?? rank, reason));
    };
    const transport = this.#begin(options, peers);
    const timer = setTimeout(giveUp, timeoutMs);
    try {
      this.#admitParked(options.runId);
      await transport.join(peers);
      return new TransportGroup(transport);
    } catch (error) {
      const aborted = abortedBy(rank, transport.signal.reason ?? error);
      transport.abort(aborted);
      throw new TriptychError('COLLECTIVE_ABORTED', `${where}: ${aborted.message}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  #begin(options: ConnectOptions, peers: readonly PeerAddress[]): GrpcTransport {
    const { runId, attempt, generation, rank, secret, signal } = options;
    const worldSize = peers.length + 1;
    const ranks = new Set([rank, ...peers.map((peer) => peer.rank)]);
    if (ranks.size !== worldSize || ![...ranks].every((each) => each >= 0 && each < worldSize)) {
      throw new TriptychError('COLLECTIVE_ABORTED', `ranks ${[...ranks]} are not 0 to ${worldSize - 1}`);
    }
    const latest = this.#memberships.get(runId);
    if (latest && compareGenerations(options, latest) <= 0) {
      const message = `cannot join ${describeGeneration(options)}: ${describeGeneration(latest)} was joined before`;
      throw new TriptychError('COLLECTIVE_ABORTED', message);
    }
    latest?.transport.abort(new GroupAborted(rank, `superseded by ${describeGeneration(options)}`));
    const tls = this.#tls;
    const transport = new GrpcTransport({
      ...{ runId, attempt, generation, rank, worldSize, secret, tls, signal },
    });
    this.#memberships.delete(runId);
    this.#memberships.set(runId, { runId, attempt, generation, transport });
    const [oldest] = this.#memberships.keys();
    if (this.#memberships.size > this.#maxRuns && oldest !== undefined) this.#memberships.delete(oldest);
    return transport;
  }

  #onCall(incoming: IncomingCall): void {
    const identity = readIdentity(incoming.call.metadata);
    if (!identity) {
      refuse(incoming, {
        code: status.INVALID_ARGUMENT,
        details: 'the metadata names no run, generation and rank',
      });
    } else if (!this.#settle({ identity, incoming })) {
      this.#park({ identity, incoming });
    }
  }

  /** Accepts or refuses the call; false where it is too early for either. */
  #settle({ identity, incoming }: Parked): boolean {
    const latest = this.#memberships.get(identity.runId);
    const order = latest ? compareGenerations(identity, latest) : 1;
    if (!latest || order > 0) return false;
    const asked = describeGeneration(identity);
    if (order < 0) {
      refuse(incoming, { code: status.FAILED_PRECONDITION, details: `${asked} is over` });
      return true;
    }
    const { transport } = latest;
    if (!transport.isOfPeer(incoming, identity)) {
      // Before anything is said of the group: strangers learn nothing and take nobody's place.
      const details = `the call does not prove that it is of rank ${identity.from} in ${asked}`;
      refuse(incoming, { code: status.UNAUTHENTICATED, details });
    } else if (identity.to !== transport.rank || identity.worldSize !== transport.worldSize) {
      const expected = `rank ${identity.to} of ${identity.worldSize}`;
      const details = `this is rank ${transport.rank} of ${transport.worldSize} in ${asked}, not ${expected}`;
      refuse(incoming, { code: status.FAILED_PRECONDITION, details });
    } else if (!transport.attach(identity.from, incoming)) {
      refuse(incoming, {
        code: status.ALREADY_EXISTS,
        details: `rank ${identity.from} is already in ${asked}`,
      });
    }
    return true;
  }

  #park(parked: Parked): void {
    const { call } = parked.incoming;
    if (this.#parked.size >= this.#maxParked) {
      refuse(parked.incoming, { code: status.UNAVAILABLE, details: 'too many peers are waiting here' });
      return;
    }
    this.#parked.add(parked);
    const timer = setTimeout(() => {
      const details = `this worker has not joined ${describeGeneration(parked.identity)} yet`;
      if (this.#parked.delete(parked)) refuse(parked.incoming, { code: status.UNAVAILABLE, details });
    }, this.#parkMs);
    timer.unref();
    call.once('cancelled', () => {
      clearTimeout(timer);
      this.#parked.delete(parked);
    });
  }

  #admitParked(runId: string): void {
    for (const parked of this.#parked) {
      if (parked.identity.runId === runId && this.#settle(parked)) this.#parked.delete(parked);
    }
  }
}
