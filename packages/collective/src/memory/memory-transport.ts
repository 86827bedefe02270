/**
 * All ranks in one process, for tests and for a run on a single worker. A send completes when the receiver has the
 * content (a rendezvous): the strictest transport there is, so what cannot deadlock here cannot deadlock elsewhere.
 */
import { framesOf } from '../frame.ts';
import { GroupAborted, groupAbortController, untilAborted } from '../group-aborted.ts';
import { Mailbox } from '../mailbox.ts';
import type { ProcessGroup } from '../process-group.ts';
import type { Expectation, Message, Transport } from '../transport.ts';
import { TransportGroup } from '../transport-group.ts';
import { Faults } from './faults.ts';

/** One group per rank, joined in memory. */
export function memoryGroups(worldSize: number, options: MemoryOptions = {}): ProcessGroup[] {
  return memoryTransports(worldSize, options).map((transport) => new TransportGroup(transport));
}

export interface MemoryOptions {
  readonly faults?: Faults;
  /** Messages are cut into frames of this size, as on a wire. */
  readonly chunkBytes?: number;
}

export function memoryTransports(worldSize: number, options: MemoryOptions = {}): Transport[] {
  const { faults = new Faults(), chunkBytes = 65_536 } = options;
  const world: MemoryTransport[] = [];
  for (let rank = 0; rank < worldSize; rank++) {
    world.push(new MemoryTransport({ rank, world, worldSize, faults, chunkBytes }));
  }
  return world;
}

interface Seat {
  readonly rank: number;
  readonly worldSize: number;
  /** Every rank's transport, this one included; filled once all are made. */
  readonly world: readonly MemoryTransport[];
  readonly faults: Faults;
  readonly chunkBytes: number;
}

class MemoryTransport implements Transport {
  readonly rank: number;
  readonly worldSize: number;
  readonly traffic = { bytesSent: 0, bytesReceived: 0 };
  readonly #seat: Seat;
  readonly #mailboxes: readonly Mailbox[];
  readonly #controller = groupAbortController();

  constructor(seat: Seat) {
    this.rank = seat.rank;
    this.worldSize = seat.worldSize;
    this.#seat = seat;
    this.#mailboxes = Array.from({ length: seat.worldSize }, (_, from) => new Mailbox(from));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async send(message: Message): Promise<void> {
    const { faults, chunkBytes, world } = this.#seat;
    for (const frame of framesOf(message, chunkBytes)) {
      await untilAborted(faults.turn(this.rank, message.operation), this.signal);
      if (faults.fails(this.rank, message.operation))
        this.abort(new GroupAborted(this.rank, 'injected fault'));
      this.signal.throwIfAborted();
      const taken = world[message.to]!.#mailboxes[this.rank]!.deliver(frame);
      if (taken) await untilAborted(taken, this.signal);
      this.traffic.bytesSent += frame.content.byteLength;
    }
  }

  async receive(expected: Expectation): Promise<Uint8Array> {
    const content = await this.#mailboxes[expected.from]!.receive(expected);
    this.traffic.bytesReceived += content.byteLength;
    return content;
  }

  abort(reason: GroupAborted): void {
    for (const transport of this.#seat.world) transport.#break(reason);
  }

  async close(): Promise<void> {
    const gone = new GroupAborted(this.rank, `rank ${this.rank} has closed its group`);
    for (const mailbox of this.#mailboxes) mailbox.fail(gone);
    for (const peer of this.#seat.world) peer.#mailboxes[this.rank]!.fail(gone);
  }

  #break(reason: GroupAborted): void {
    if (this.signal.aborted) return;
    this.#controller.abort(reason);
    for (const mailbox of this.#mailboxes) mailbox.fail(reason);
  }
}
