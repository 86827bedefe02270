/** A control plane of a few lines: remembers what workers say, keeps artifacts in memory, forgets workers on demand. */
import { promisify } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { control, secretKeys, shownIn, TriptychError } from '@triptych/protocol';
import { type ArtifactStore, memoryStore, type StoredArtifact } from '@triptych/storage';
import { toStatus } from '../grpc-errors.ts';

export class FakeControlPlane {
  readonly store: ArtifactStore = memoryStore();
  readonly registered: control.RegisterRequest[] = [];
  readonly heartbeats: control.HeartbeatRequest[] = [];
  readonly left: control.LeaveRequest[] = [];
  /** Workers with a lease. */
  readonly leases = new Set<string>();
  /** What heartbeats showed. */
  readonly shown: (string | undefined)[] = [];
  /** What registrations showed. */
  readonly joinTokens: string[][] = [];
  /** What it answers to registrations instead of taking them. */
  refusal: TriptychError | undefined;
  heartbeatMs = 20;
  /** Interface to listen on: changed while it is stopped, it comes back under another address. */
  host = '127.0.0.1';
  #server: Server | undefined;
  #port = 0;

  get address(): string {
    return `${this.host}:${this.#port}`;
  }

  /** On the same port as before, if there was one. */
  async start(): Promise<void> {
    this.#server = new Server();
    this.#server.addService(control.ControlService, this.#service());
    const bind = promisify(this.#server.bindAsync.bind(this.#server));
    this.#port = await bind(this.address, ServerCredentials.createInsecure());
  }

  get port(): number {
    return this.#port;
  }

  stop(): void {
    this.#server?.forceShutdown();
  }

  #service(): control.ControlServer {
    return {
      register: ({ request, metadata }, answer) => {
        this.joinTokens.push(shownIn(metadata, secretKeys.join));
        if (this.refusal) {
          answer(toStatus(this.refusal));
          return;
        }
        this.registered.push(request);
        const workerId = request.workerId || `worker-${this.registered.length}`;
        this.leases.add(workerId);
        const leaseSecret = `lease-${this.registered.length}`;
        answer(null, { workerId, leaseMs: 1_000, heartbeatMs: this.heartbeatMs, leaseSecret });
      },
      heartbeat: ({ request, metadata }, answer) => {
        this.shown.push(...shownIn(metadata, secretKeys.lease));
        this.heartbeats.push(request);
        if (this.leases.has(request.workerId)) answer(null, { leaseMs: 1_000 });
        else answer(toStatus(new TriptychError('NOT_FOUND', 'There is no such worker')));
      },
      leave: ({ request }, answer) => {
        this.left.push(request);
        answer(null, {});
      },
      fetchArtifact: (call) => {
        const { sha256, offset, length } = call.request;
        const range = length === 0 ? { offset } : { offset, length };
        send(this.store.read(sha256, range), call).catch((error) => call.emit('error', toStatus(error)));
      },
      publishArtifact: (call, answer) => {
        receive(this.store, call).then(
          (stored) => answer(null, stored),
          (error) => answer(toStatus(error)),
        );
      },
    };
  }
}

async function send(
  content: AsyncIterable<Uint8Array>,
  call: { write(chunk: control.ArtifactChunk): boolean; end(): void },
): Promise<void> {
  for await (const chunk of content) call.write({ content: Buffer.from(chunk) });
  call.end();
}

/** Takes what was promised, and nothing else, as the real one does. */
async function receive(
  store: ArtifactStore,
  call: AsyncIterable<control.PublishArtifactRequest>,
): Promise<StoredArtifact> {
  const messages = call[Symbol.asyncIterator]();
  const { sha256, bytes, content } = (await messages.next()).value as control.PublishArtifactRequest;
  if (content.byteLength > 0) throw new TriptychError('INVALID_INPUT', 'The first message promises nothing');
  return store.put(contents({ [Symbol.asyncIterator]: () => messages }), { sha256, bytes });
}

async function* contents(call: AsyncIterable<control.PublishArtifactRequest>): AsyncGenerator<Uint8Array> {
  for await (const { content } of call) yield content;
}
