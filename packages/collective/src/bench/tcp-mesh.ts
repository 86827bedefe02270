/**
 * The baseline: the all-reduce's traffic over bare sockets, one for each direction between each pair of ranks. The bytes
 * are received and thrown away; nothing is framed, copied or summed.
 */
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

const writeBytes = 1 << 20;

export class TcpMesh {
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #outgoing = new Map<number, Socket>();
  /** Bytes received from each rank that no exchange has waited for yet. */
  readonly #unclaimed = new Map<number, number>();
  #rank = 0;
  #onBytes: () => void = () => {};

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** `ports` by rank. */
  async join({ rank, ports }: { rank: number; ports: readonly number[] }): Promise<void> {
    this.#rank = rank;
    for (const [peer, port] of ports.entries()) {
      if (peer === rank) continue;
      const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
      socket.write(Uint8Array.of(rank));
      this.#outgoing.set(peer, socket);
    }
  }

  /** Reduce-scatter, then all-gather: everyone its segment, then the own segment to everyone. */
  async exchange(segments: readonly Uint8Array[]): Promise<void> {
    const own = segments[this.#rank]!;
    const peers = [...this.#outgoing.keys()];
    await Promise.all(
      peers.flatMap((peer) => [this.#send(peer, segments[peer]!), this.#receive(peer, own.length)]),
    );
    await Promise.all(
      peers.flatMap((peer) => [this.#send(peer, own), this.#receive(peer, segments[peer]!.length)]),
    );
  }

  async #send(peer: number, content: Uint8Array): Promise<void> {
    const socket = this.#outgoing.get(peer)!;
    for (let offset = 0; offset < content.length; offset += writeBytes) {
      if (!socket.write(content.subarray(offset, offset + writeBytes))) await once(socket, 'drain');
    }
  }

  async #receive(peer: number, bytes: number): Promise<void> {
    while ((this.#unclaimed.get(peer) ?? 0) < bytes) await this.#moreBytes();
    this.#unclaimed.set(peer, this.#unclaimed.get(peer)! - bytes);
  }

  #moreBytes(): Promise<void> {
    return new Promise((resolve) => {
      const previous = this.#onBytes;
      this.#onBytes = () => {
        previous();
        resolve();
      };
    });
  }

  #accept(socket: Socket): void {
    let peer: number | undefined;
    socket.on('data', (bytes) => {
      const payload = peer === undefined ? bytes.length - 1 : bytes.length;
      peer ??= bytes[0]!;
      this.#unclaimed.set(peer, (this.#unclaimed.get(peer) ?? 0) + payload);
      const notify = this.#onBytes;
      this.#onBytes = () => {};
      notify();
    });
  }
}
