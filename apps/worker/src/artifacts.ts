/** The control plane's artifacts as a store: content travels over the one address that every worker knows. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientReadableStream, ClientWritableStream } from '@grpc/grpc-js';
import { type ClientSource, type control, TriptychError } from '@triptych/protocol';
import {
  type ArtifactStore,
  type Content,
  isRepeatable,
  type ReadRange,
  type StoredArtifact,
  sha256Of,
} from '@triptych/storage';
import { Absence, type AbsenceOptions } from './control-absence.ts';

const CHUNK_BYTES = 512 * 1024;

type Control = Pick<ClientSource<control.ControlClient>, 'client'>;

/**
 * The connection stays the caller's. While the control plane is away, every method waits for it: a transfer goes on where it was
 * broken off, content is published from its start again.
 * Every method rejects with UNAVAILABLE where the control plane stays away, and with the reason of `signal`.
 */
export function grpcStore(control: Control, options: AbsenceOptions = {}): ArtifactStore {
  return new GrpcStore(control, options);
}

class GrpcStore implements ArtifactStore {
  readonly #control: Control;
  readonly #options: AbsenceOptions;

  constructor(control: Control, options: AbsenceOptions) {
    this.#control = control;
    this.#options = options;
  }

  /**
   * What is sent is promised first, so without a promise the content is read twice; what can be read only once is held in memory
   * meanwhile.
   */
  async put(content: Content, promised?: StoredArtifact): Promise<StoredArtifact> {
    const what = 'The control plane did not take an artifact';
    const absence = new Absence(this.#options);
    const kept = isRepeatable(content) ? content : await collect(content);
    const promise = promised ?? (await artifactOf(kept));
    for (;;) {
      try {
        return await this.#publish(kept, promise);
      } catch (error) {
        await absence.wait(error, what);
      }
    }
  }

  async has(sha256: string): Promise<boolean> {
    try {
      for await (const _ of this.read(sha256, { offset: 0, length: 1 })) break;
      return true;
    } catch (error) {
      const { code } = error as TriptychError;
      if (error instanceof TriptychError && (code === 'NOT_FOUND' || code === 'ARTIFACT_CORRUPT'))
        return false;
      throw error;
    }
  }

  async get(sha256: string): Promise<Uint8Array> {
    return collect(this.read(sha256));
  }

  async *read(sha256: string, range: ReadRange = {}): AsyncGenerator<Uint8Array> {
    const { offset = 0, length } = range;
    const absence = new Absence(this.#options);
    const hash = createHash('sha256');
    let received = 0;
    // Zero means "to the end" on the wire.
    while (length === undefined || received < length) {
      const rest = { offset: offset + received, length: length === undefined ? 0 : length - received };
      try {
        for await (const content of this.#fetch({ sha256, ...rest })) {
          absence.over();
          hash.update(content);
          received += content.byteLength;
          yield content;
        }
        break;
      } catch (error) {
        await absence.wait(error, `Fetching artifact ${sha256}`);
      }
    }
    if (offset > 0 || length !== undefined) return;
    const actual = hash.digest('hex');
    if (actual === sha256) return;
    throw new TriptychError(
      'ARTIFACT_CORRUPT',
      `Artifact ${sha256} arrived from the control plane with sha256 ${actual}`,
    );
  }

  /** Reads all of it: the protocol has no question for the size alone, and nobody asks before fetching. */
  async size(sha256: string): Promise<number> {
    let bytes = 0;
    for await (const chunk of this.read(sha256)) bytes += chunk.byteLength;
    return bytes;
  }

  /** One attempt. @throws ServiceError, or the content's own error */
  #publish(content: Content, promised: StoredArtifact): Promise<StoredArtifact> {
    this.#options.signal?.throwIfAborted();
    const answered = new AbortController();
    return new Promise<StoredArtifact>((resolve, reject) => {
      const call = this.#control.client.publishArtifact((error, response) => {
        // Whoever waits for room in the stream would wait for ever.
        answered.abort();
        if (error) reject(error);
        else resolve({ sha256: response.sha256, bytes: response.bytes });
      });
      cancelOn(this.#options.signal, call, answered.signal);
      send(call, { content, promised, answered: answered.signal }).catch((error) => {
        if (answered.signal.aborted) return;
        call.cancel();
        reject(error);
      });
    });
  }

  /** One attempt. @throws ServiceError */
  async *#fetch(request: control.FetchArtifactRequest): AsyncGenerator<Uint8Array> {
    this.#options.signal?.throwIfAborted();
    const call = this.#control.client.fetchArtifact(request);
    const over = new AbortController();
    cancelOn(this.#options.signal, call, over.signal);
    try {
      for await (const { content } of call as AsyncIterable<control.ArtifactChunk>) yield content;
    } finally {
      over.abort();
      release(call);
    }
  }
}

function cancelOn(signal: AbortSignal | undefined, call: { cancel(): void }, over: AbortSignal): void {
  signal?.addEventListener('abort', () => call.cancel(), { once: true, signal: over });
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Each is copied: its producer may reuse the buffer.
  for await (const chunk of pieces) {
    chunks.push(chunk.slice());
    bytes += chunk.byteLength;
  }
  const content = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    content.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return content;
}

async function artifactOf(content: Content): Promise<StoredArtifact> {
  if (content instanceof Uint8Array) return { sha256: sha256Of(content), bytes: content.byteLength };
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of content) {
    hash.update(piece);
    bytes += piece.byteLength;
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function send(
  call: ClientWritableStream<control.PublishArtifactRequest>,
  { content, promised, answered }: { content: Content; promised: StoredArtifact; answered: AbortSignal },
): Promise<void> {
  call.write({ ...promised, content: Buffer.of() });
  for await (const piece of content instanceof Uint8Array ? [content] : content) {
    for (let start = 0; start < piece.byteLength; start += CHUNK_BYTES) {
      const chunk = piece.subarray(start, start + CHUNK_BYTES);
      if (!call.write({ content: chunk as Buffer, sha256: '', bytes: 0 }))
        await once(call, 'drain', { signal: answered });
    }
  }
  call.end();
}

/** A stream that is left early would keep its buffers; the cancellation error that follows is nobody's. */
function release(call: ClientReadableStream<control.ArtifactChunk>): void {
  call.on('error', () => undefined);
  call.cancel();
}
