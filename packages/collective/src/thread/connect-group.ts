/** The compute thread's side: a process group whose operations run on the main thread, beside the sockets. */
import type { MessagePort } from 'node:worker_threads';
import { TriptychError } from '@triptych/protocol';
import type { ProcessGroup, Traffic } from '../process-group.ts';
import { type ShardSums, sharedVector } from '../shard-accumulator.ts';
import { type Call, fromPlain, type Reply, type Request, toPlain } from './messages.ts';

/** The group that `exposeGroup` offers on the other end of `port`. */
export function connectGroup(
  port: MessagePort,
  description: { readonly rank: number; readonly worldSize: number },
): ProcessGroup {
  return new PortGroup(port, description);
}

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: TriptychError) => void;
}

class PortGroup implements ProcessGroup {
  readonly rank: number;
  readonly worldSize: number;
  traffic: Traffic = { bytesSent: 0, bytesReceived: 0 };
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  #broken: TriptychError | undefined;
  #closed: Promise<void> | undefined;

  constructor(port: MessagePort, description: { readonly rank: number; readonly worldSize: number }) {
    this.rank = description.rank;
    this.worldSize = description.worldSize;
    this.#port = port;
    port.on('message', (reply: Reply) => this.#onReply(reply));
    port.on('close', () => this.#break('the main thread has closed the group'));
    this.#keepAlive();
  }

  /** Vectors outside shared memory are copied once; `sharedVector` and ShardAccumulator make shared ones. */
  async allReduceShards(sums: ShardSums, out: Float32Array): Promise<void> {
    const { shards, start, end, length } = sums;
    const nodes = sums.nodes.map((node) => ({ start: node.start, end: node.end, sum: shared(node.sum) }));
    const result = isShared(out) ? out : sharedVector(out.length);
    await this.#call({
      kind: 'allReduceShards',
      sums: { shards, start, end, length, nodes },
      out: result,
    });
    if (result !== out) out.set(result);
  }

  async allGather(bytes: Uint8Array): Promise<Uint8Array[]> {
    const gathered = await this.#call<Uint8Array[]>({ kind: 'allGather', bytes: compact(bytes) });
    gathered[this.rank] = bytes;
    return gathered;
  }

  async broadcast(bytes: Uint8Array | undefined, root: number): Promise<Uint8Array> {
    const isRoot = root === this.rank;
    const received = await this.#call<Uint8Array>({
      kind: 'broadcast',
      bytes: isRoot && bytes ? compact(bytes) : undefined,
      root,
    });
    return isRoot && bytes ? bytes : received;
  }

  barrier(): Promise<void> {
    return this.#call({ kind: 'barrier' });
  }

  abort(reason: Error): void {
    if (this.#broken || this.#closed) return;
    this.#post({ abort: toPlain(reason) });
    this.#break(`rank ${this.rank} broke the group: ${reason.message}`);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = this.#call({ kind: 'close' }).catch(() => undefined);
    this.#break(`rank ${this.rank} has closed its group`, { except: this.#calls });
    await closed;
    this.#port.close();
  }

  #call<T>(call: Call): Promise<T> {
    if (this.#broken && call.kind !== 'close') return Promise.reject(this.#broken);
    const id = ++this.#calls;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#keepAlive();
      this.#post({ id, call });
    });
  }

  #post(request: Request): void {
    this.#port.postMessage(request);
  }

  #onReply({ id, value, error, traffic }: Reply): void {
    this.traffic = traffic;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    this.#keepAlive();
    if (error) pending?.reject(fromPlain(error));
    else pending?.resolve(value as never);
  }

  /** Pending and later operations reject, but for the call that `except` names. */
  #break(reason: string, options: { except?: number } = {}): void {
    this.#broken ??= new TriptychError('COLLECTIVE_ABORTED', reason);
    for (const [id, pending] of this.#pending) {
      if (id === options.except) continue;
      this.#pending.delete(id);
      pending.reject(this.#broken);
    }
    this.#keepAlive();
  }

  /** The thread may end by itself while nothing is asked of the group. */
  #keepAlive(): void {
    if (this.#pending.size > 0) this.#port.ref();
    else this.#port.unref();
  }
}

function isShared(vector: Float32Array): boolean {
  return vector.buffer instanceof SharedArrayBuffer;
}

function shared(vector: Float32Array): Float32Array {
  if (isShared(vector)) return vector;
  const copy = sharedVector(vector.length);
  copy.set(vector);
  return copy;
}

/** Cloning a view takes its whole buffer along; a copy of the part that is meant does not. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
