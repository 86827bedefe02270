/** The control plane's artifacts as a store: content travels over the one address that every worker knows. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientReadableStream, ClientWritableStream, ServiceError } from '@grpc/grpc-js';
import { type control, TriptychError } from '@triptych/protocol';
import type { ArtifactStore, ReadRange, StoredArtifact } from '@triptych/storage';
import { fromServiceError } from './grpc-errors.ts';

const CHUNK_BYTES = 512 * 1024;

/** The client stays the caller's. Every method rejects with UNAVAILABLE while the control plane is not there. */
export function grpcStore(client: control.ControlClient): ArtifactStore {
  return new GrpcStore(client);
}

class GrpcStore implements ArtifactStore {
  readonly #client: control.ControlClient;

  constructor(client: control.ControlClient) {
    this.#client = client;
  }

  put(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<StoredArtifact> {
    return new Promise((resolve, reject) => {
      const call = this.#client.publishArtifact((error, response) => {
        if (error) reject(fromServiceError(error, 'The control plane did not take an artifact'));
        else resolve({ sha256: response.sha256, bytes: response.bytes });
      });
      send(call, content).catch((error) => {
        call.cancel();
        reject(error);
      });
    });
  }

  async has(sha256: string): Promise<boolean> {
    try {
      for await (const _ of this.read(sha256, { offset: 0, length: 1 })) break;
      return true;
    } catch (error) {
      if (error instanceof TriptychError && error.code === 'NOT_FOUND') return false;
      throw error;
    }
  }

  async get(sha256: string): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of this.read(sha256)) {
      chunks.push(chunk);
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

  async *read(sha256: string, range: ReadRange = {}): AsyncGenerator<Uint8Array> {
    const { offset = 0, length } = range;
    // Zero means "to the end" on the wire.
    if (length === 0) return;
    const call = this.#client.fetchArtifact({ sha256, offset, length: length ?? 0 });
    const hash = createHash('sha256');
    try {
      for await (const { content } of call as AsyncIterable<control.ArtifactChunk>) {
        hash.update(content);
        yield content;
      }
    } catch (error) {
      throw fromServiceError(error as ServiceError, `Fetching artifact ${sha256}`);
    } finally {
      release(call);
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
}

async function send(
  call: ClientWritableStream<control.ArtifactChunk>,
  content: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  const pieces = content instanceof Uint8Array ? [content] : content;
  for await (const piece of pieces) {
    for (let start = 0; start < piece.byteLength; start += CHUNK_BYTES) {
      const chunk = piece.subarray(start, start + CHUNK_BYTES);
      if (!call.write({ content: chunk as Buffer })) await once(call, 'drain');
    }
  }
  call.end();
}

/** A stream that is left early would keep its buffers; the cancellation error that follows is nobody's. */
function release(call: ClientReadableStream<control.ArtifactChunk>): void {
  call.on('error', () => undefined);
  call.cancel();
}
