/** What workers call: registration and leases, and content by hash in both directions. No decisions are taken here. */
import { once } from 'node:events';
import type { Metadata, ServerWritableStream } from '@grpc/grpc-js';
import {
  type CallCheck,
  control,
  parse,
  Sha256,
  secretKeys,
  shownIn,
  TriptychError,
  unauthenticated,
} from '@triptych/protocol';
import type { ArtifactStore, CollectableStore, StoredArtifact } from '@triptych/storage';
import { Type } from 'typebox';
import type { FleetEntrance } from '../leadership/fleet-door.ts';
import { type AdmissionOptions, admit } from './admission.ts';
import { assertMayJoin } from './join-tokens.ts';
import { parseRegistration } from './registration-request.ts';
import { type AnswerOptions, errorAnswer, unaryCalls } from './unary.ts';

export interface ControlServiceOptions extends AdmissionOptions, AnswerOptions {
  readonly registry: FleetEntrance;
  readonly store: Pick<CollectableStore, 'read' | 'put' | 'renew'>;
}

/** What a call must show before anything of it is read: a join token to register, the secret of its lease for everything else. */
export const controlChecks =
  ({ registry, joinTokens }: Pick<ControlServiceOptions, 'registry'> & { joinTokens: readonly string[] }) =>
  (path: string): CallCheck =>
  (metadata) => {
    if (path === control.ControlService.register.path) assertMayJoin(joinTokens, metadata);
    else holderIn(metadata, registry);
  };

export function controlService(options: ControlServiceOptions): control.ControlServer {
  const { registry, store } = options;
  const errorOf = (error: unknown, method: string) => errorAnswer(options, error, method);
  const unary = unaryCalls(options);

  return {
    register: unary<control.RegisterRequest, control.RegisterResponse>('Register', async (call) => {
      const { workerId, assignments, ...applicant } = parseRegistration(call.request);
      const address = await admit({ ...applicant, workerId }, { ...options, peer: call.getPeer() });
      return registry.register({ ...applicant, address, ...(workerId && { id: workerId }) }, assignments);
    }),

    heartbeat: unary<control.HeartbeatRequest, control.HeartbeatResponse>('Heartbeat', (call) => {
      const { workerId, ...condition } = call.request;
      assertIsOwn(workerId, call.metadata, registry);
      return registry.heartbeat(workerId, condition);
    }),

    leave: unary<control.LeaveRequest, control.LeaveResponse>('Leave', async (call) => {
      const { workerId, reason } = call.request;
      assertIsOwn(workerId, call.metadata, registry);
      await registry.leave(workerId, reason);
      return {};
    }),

    fetchArtifact(call) {
      send(store, call).catch((error: unknown) => {
        // Nobody hears an error on a connection that is gone.
        if (call.cancelled) call.end();
        else call.emit('error', errorOf(error, 'FetchArtifact'));
      });
    },

    publishArtifact(call, callback) {
      receive(store, call).then(
        (stored) => callback(null, stored),
        (error: unknown) => callback(errorOf(error, 'PublishArtifact')),
      );
    },
  };
}

/** Who makes the call. @throws TriptychError `UNAUTHENTICATED` */
function holderIn(metadata: Metadata, registry: FleetEntrance): string {
  const [secret] = shownIn(metadata, secretKeys.lease);
  const holder = secret === undefined ? undefined : registry.holder(secret);
  if (holder === undefined) throw unauthenticated('The call is not of a worker with a lease; register again');
  return holder;
}

/** Nobody speaks for another worker. */
function assertIsOwn(workerId: string, metadata: Metadata, registry: FleetEntrance): void {
  const holder = holderIn(metadata, registry);
  if (holder !== workerId) throw unauthenticated(`The lease of ${holder} is not that of ${workerId}`);
}

/** Far below the default receive limit of 4 MiB, large enough that the framing costs nothing. */
const CHUNK_BYTES = 512 * 1024;

async function send(
  store: Pick<CollectableStore, 'read' | 'renew'>,
  call: ServerWritableStream<control.FetchArtifactRequest, control.ArtifactChunk>,
): Promise<void> {
  const { sha256, offset, length } = call.request;
  // What a worker asks for it needs, or is about to name instead of sending it again.
  await store.renew(sha256);
  const gone = new AbortController();
  call.once('cancelled', () => gone.abort(new TriptychError('CANCELLED', 'The worker went away')));
  for await (const piece of store.read(sha256, { offset, ...(length > 0 && { length }) })) {
    for (let start = 0; start < piece.byteLength; start += CHUNK_BYTES) {
      const content = Buffer.from(
        piece.buffer,
        piece.byteOffset + start,
        Math.min(CHUNK_BYTES, piece.byteLength - start),
      );
      gone.signal.throwIfAborted();
      if (!call.write({ content })) await once(call, 'drain', { signal: gone.signal });
    }
  }
  call.end();
}

/**
 * A connection that breaks ends the stream as its sender's last word would; only the promise tells the two apart.
 * @throws TriptychError `INVALID_INPUT` where nothing was promised, `ARTIFACT_CORRUPT` where something else came
 */
async function receive(
  store: Pick<ArtifactStore, 'put'>,
  call: AsyncIterable<control.PublishArtifactRequest>,
): Promise<StoredArtifact> {
  const messages = call[Symbol.asyncIterator]();
  const first = await messages.next();
  const promised = parse(Promised, first.done ? {} : promiseIn(first.value), 'first message of an upload');
  return store.put(contentOf({ [Symbol.asyncIterator]: () => messages }), promised);
}

const Promised = Type.Object({ sha256: Sha256, bytes: Type.Integer({ minimum: 0 }) });

const promiseIn = ({ sha256, bytes, content }: control.PublishArtifactRequest): unknown =>
  // Before there were promises, content came at once.
  content.byteLength > 0 ? {} : { sha256, bytes };

async function* contentOf(
  messages: AsyncIterable<control.PublishArtifactRequest>,
): AsyncGenerator<Uint8Array> {
  for await (const { content } of messages) yield content;
}
