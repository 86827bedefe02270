/** One operation's view of the transport: messages are named by phase, the operation's number is filled in. */
import { type Phase, tagOf } from './phase.ts';
import type { Transport } from './transport.ts';

export class Exchange {
  readonly rank: number;
  readonly worldSize: number;
  /** Every other rank, beginning with the next one, so that not all ranks turn to rank 0 at once. */
  readonly peers: readonly number[];
  readonly #transport: Transport;
  readonly #operation: number;

  constructor(transport: Transport, operation: number) {
    this.#transport = transport;
    this.#operation = operation;
    this.rank = transport.rank;
    this.worldSize = transport.worldSize;
    this.peers = Array.from(
      { length: this.worldSize - 1 },
      (_, index) => (this.rank + 1 + index) % this.worldSize,
    );
  }

  send(message: { to: number; phase: Phase; index?: number; content: Uint8Array }): Promise<void> {
    const { to, phase, index, content } = message;
    return this.#transport.send({ to, operation: this.#operation, tag: tagOf(phase, index), content });
  }

  receive(expected: { from: number; phase: Phase; index?: number; into?: Uint8Array }): Promise<Uint8Array> {
    const { from, phase, index, into } = expected;
    const label = { from, operation: this.#operation, tag: tagOf(phase, index) };
    return this.#transport.receive(into ? { ...label, into } : label);
  }

  /** Everyone's bytes by rank; the own entry is `bytes` itself. */
  async gather(phase: Phase, bytes: Uint8Array): Promise<Uint8Array[]> {
    const gathered = new Array<Uint8Array>(this.worldSize);
    gathered[this.rank] = bytes;
    await Promise.all(
      this.peers.flatMap((peer) => [
        this.send({ to: peer, phase, content: bytes }),
        this.receive({ from: peer, phase }).then((content) => {
          gathered[peer] = content;
        }),
      ]),
    );
    return gathered;
  }
}
