/**
 * A TCP connection's way between two processes, with what networks do to it: packets of one direction that do not arrive, and
 * connections that are forgotten. What a process sends on a way that is cut is repeated by TCP, and so arrives when it heals.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Seen from whoever connects. */
export type Direction = 'there' | 'back';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  isFrozen: boolean;
}

export class Wire {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #cut = new Set<Direction>();
  #target: number;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near));
  }

  static async to(port: number): Promise<Wire> {
    const wire = new Wire(port);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  /** Of 127.0.0.1, to connect to. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on nothing arrives in that direction, on connections that exist and on new ones. */
  cut(...directions: Direction[]): void {
    for (const direction of directions) this.#cut.add(direction);
    for (const pair of this.#pairs) this.#apply(pair);
  }

  heal(): void {
    this.#cut.clear();
    for (const pair of this.#pairs) this.#apply(pair);
  }

  /** Connections that exist carry nothing any more, and nobody is told; new ones work. */
  freeze(): void {
    for (const pair of this.#pairs) {
      pair.isFrozen = true;
      for (const socket of [pair.near, pair.far]) socket.unpipe().resume();
    }
  }

  /** Connections that exist are closed; new ones lead to another port. */
  retarget(port: number): void {
    this.#target = port;
    this.reset();
  }

  /** Connections that exist are closed. */
  reset(): void {
    for (const pair of this.#pairs) this.#destroy(pair);
  }

  close(): void {
    this.#server.close();
    for (const pair of this.#pairs) this.#destroy(pair);
  }

  #join(near: Socket): void {
    const pair: Pair = { near, far: connect(this.#target, '127.0.0.1'), isFrozen: false };
    this.#pairs.add(pair);
    const end = () => !pair.isFrozen && this.#destroy(pair);
    for (const socket of [pair.near, pair.far]) socket.on('error', end).on('close', end);
    this.#apply(pair);
  }

  #apply(pair: Pair): void {
    if (pair.isFrozen) return;
    const route = (from: Socket, to: Socket, direction: Direction) => {
      // Piped twice, every byte would arrive twice.
      from.unpipe();
      if (this.#cut.has(direction)) from.pause();
      else from.pipe(to);
    };
    route(pair.near, pair.far, 'there');
    route(pair.far, pair.near, 'back');
  }

  #destroy(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.near.destroy();
    pair.far.destroy();
  }
}
