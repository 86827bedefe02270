/**
 * The call on which this rank sends to one peer, on a connection of its own: bulk data in both directions of a single
 * HTTP/2 connection can deadlock once the windows exceed the socket buffers.
 */

import type { ServiceError } from '@grpc/grpc-js';
import { Client, type ClientWritableStream, Metadata, status } from '@grpc/grpc-js';
import { channelTo, peer, type TlsIdentity } from '@triptych/protocol';
import type { Frame } from '../frame.ts';
import { withResolvers } from '../group-aborted.ts';
import { encodeFrameInto, maxHeaderBytes } from './frame-codec.ts';
import { isProven, type LinkIdentity, writeIdentity, writeProof } from './link-identity.ts';

const channelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  // The retry layer would keep a copy of what was sent; a broken link ends the generation anyway.
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  // Workers reach each other directly, whatever proxy the environment names for the world outside.
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // A host that vanished without closing its connections is noticed after 40 s at most.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 20_000,
};

/** Up to here Node's own pool is cheaper than keeping the memory. */
const smallFrameBytes = 4096;

/** In the response's first metadata: the peer has joined the generation and reads this link. */
export const acceptedKey = 'triptych-accepted';

export interface OutgoingLinkOptions {
  /** host:port of the peer's gRPC server. */
  readonly address: string;
  readonly identity: LinkIdentity;
  /** The generation's. */
  readonly secret: string;
  readonly tls?: TlsIdentity | undefined;
}

export class OutgoingLink {
  /**
   * Resolves when the peer has joined, and has proven that it is the peer; rejects with a ServiceError where it refuses or the
   * connection breaks.
   */
  readonly accepted: Promise<void>;
  /** Resolves when the call is over: with nothing when the peer ended it in order, else with what broke it. */
  readonly over: Promise<ServiceError | undefined>;
  readonly #client: Client;
  readonly #call: ClientWritableStream<Buffer>;
  /** Memory for encoded frames that gRPC is done with; as many as were ever in flight. */
  readonly #spare: Buffer[] = [];
  readonly #rejectPending = new Set<(error: unknown) => void>();
  #broken: Error | undefined;

  constructor({ address, identity, secret, tls }: OutgoingLinkOptions) {
    const metadata = new Metadata({ waitForReady: true });
    writeIdentity(identity, metadata);
    writeProof(metadata, { secret, identity, end: 'dials' });
    const accepted = withResolvers<void>();
    const over = withResolvers<ServiceError | undefined>();
    const { path, responseDeserialize } = peer.PeerLinkService.send;
    this.#client = new Client(address, ...channelTo('worker', tls, channelOptions));
    this.#call = this.#client.makeClientStreamRequest(
      path,
      (encoded: Buffer) => encoded,
      responseDeserialize,
      metadata,
      (error: ServiceError | null) => {
        over.resolve(error ?? undefined);
        accepted.reject(error ?? new Error('the peer closed its group before it joined'));
        this.fail(error ?? new Error('the peer has closed its group'));
        this.#client.close();
      },
    );
    this.#call.on('metadata', (received) => {
      if (received.get(acceptedKey).length === 0) return;
      if (isProven(received, { secret, identity, end: 'accepts' })) accepted.resolve();
      else
        accepted.reject(
          new Error(`what answers at ${address} is not rank ${identity.to} of this generation`),
        );
    });
    // The callback above has the same error; without a listener a late write would crash the process.
    this.#call.on('error', (error) => this.fail(error));
    this.accepted = accepted.promise;
    this.accepted.catch(() => undefined);
    this.over = over.promise;
  }

  /** Resolves when gRPC has passed the frame on. The content was copied by the time this returns. */
  write(frame: Frame): Promise<void> {
    const { promise, resolve, reject } = withResolvers<void>();
    // A caller that has several writes in flight and fails on the first never looks at the others.
    promise.catch(() => undefined);
    if (this.#broken) {
      reject(this.#broken);
      return promise;
    }
    this.#rejectPending.add(reject);
    const memory = this.#memory(frame.content.byteLength + maxHeaderBytes);
    this.#call.write(encodeFrameInto(memory, frame), (error: Error | null | undefined) => {
      this.#rejectPending.delete(reject);
      if (memory.length > smallFrameBytes && !this.#broken) this.#spare.push(memory);
      if (error) reject(error);
      else resolve();
    });
    return promise;
  }

  /** Pending and later writes reject. */
  fail(reason: Error): void {
    this.#broken ??= reason;
    for (const reject of this.#rejectPending) reject(this.#broken);
    this.#rejectPending.clear();
    this.#spare.length = 0;
  }

  /** Says that no more will come; the peer answers (`over`) when it has taken everything. */
  end(): void {
    this.#broken ??= new Error('the link has ended');
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  #memory(bytes: number): Buffer {
    if (bytes <= smallFrameBytes) return Buffer.allocUnsafe(bytes);
    const spare = this.#spare.pop();
    return spare && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes);
  }
}

/** True where dialling again can help: the peer is not there yet, or went away before it joined. */
export function canDialAgain(error: unknown): boolean {
  return (error as Partial<ServiceError>).code === status.UNAVAILABLE;
}
