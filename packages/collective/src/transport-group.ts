/** The process group over a transport: numbers the operations, runs them one after another, turns failures into errors. */
import { TriptychError } from '@triptych/protocol';
import { AllReduce } from './all-reduce.ts';
import { Exchange } from './exchange.ts';
import { abortedBy, GroupAborted } from './group-aborted.ts';
import type { ProcessGroup, Traffic } from './process-group.ts';
import type { ShardSums } from './shard-accumulator.ts';
import type { Transport } from './transport.ts';

export class TransportGroup implements ProcessGroup {
  readonly #transport: Transport;
  readonly #allReduce = new AllReduce();
  #operations = 0;
  #last: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get rank(): number {
    return this.#transport.rank;
  }

  get worldSize(): number {
    return this.#transport.worldSize;
  }

  get traffic(): Traffic {
    return this.#transport.traffic;
  }

  allReduceShards(sums: ShardSums, out: Float32Array): Promise<void> {
    return this.#run('all-reduce', (exchange) => this.#allReduce.run({ exchange, sums, out }));
  }

  allGather(bytes: Uint8Array): Promise<Uint8Array[]> {
    return this.#run('all-gather', (exchange) => exchange.gather('allGather', bytes));
  }

  broadcast(bytes: Uint8Array | undefined, root: number): Promise<Uint8Array> {
    return this.#run('broadcast', async (exchange) => {
      if (root !== this.rank) return exchange.receive({ from: root, phase: 'broadcast' });
      if (!bytes) throw new Error('the root of a broadcast has nothing to send');
      await Promise.all(
        exchange.peers.map((to) => exchange.send({ to, phase: 'broadcast', content: bytes })),
      );
      return bytes;
    });
  }

  barrier(): Promise<void> {
    return this.#run('barrier', async (exchange) => {
      await exchange.gather('barrier', new Uint8Array(0));
    });
  }

  abort(reason: Error): void {
    if (!this.#closed) this.#transport.abort(abortedBy(this.rank, reason));
  }

  close(): Promise<void> {
    this.#closed ??= this.#transport.close();
    return this.#closed;
  }

  #run<T>(name: string, work: (exchange: Exchange) => Promise<T>): Promise<T> {
    const operation = ++this.#operations;
    const result = this.#last.then(() => this.#attempt({ name, operation, work }));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #attempt<T>(options: {
    name: string;
    operation: number;
    work: (exchange: Exchange) => Promise<T>;
  }): Promise<T> {
    const { name, operation, work } = options;
    const transport = this.#transport;
    try {
      if (this.#closed) throw new GroupAborted(this.rank, 'the group is closed');
      transport.signal.throwIfAborted();
      return await work(new Exchange(transport, operation));
    } catch (error) {
      // Whatever broke the operation here, the others cannot finish it either: tell them.
      if (!this.#closed) transport.abort(abortedBy(this.rank, error));
      throw this.#rejection(name, operation, error);
    }
  }

  #rejection(name: string, operation: number, error: unknown): TriptychError {
    const { rank, message } = abortedBy(this.rank, this.#transport.signal.reason ?? error);
    const where = `${name} (operation ${operation}) on rank ${this.rank} of ${this.worldSize}`;
    return new TriptychError('COLLECTIVE_ABORTED', `${where}: rank ${rank} broke the group: ${message}`, {
      cause: error,
    });
  }
}
