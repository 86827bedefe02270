/** Artifacts in memory: for tests and for runs that need not outlive their process. */
import {
  type ArtifactEntry,
  artifactNotFound,
  assertKept,
  assertRange,
  assertSha256,
  type CollectableStore,
  type Content,
  type ReadRange,
  type StoredArtifact,
  sha256Of,
} from './artifact-store.ts';

export function memoryStore(): CollectableStore {
  return new MemoryStore();
}

const CHUNK_BYTES = 1024 * 1024;

class MemoryStore implements CollectableStore {
  readonly #contents = new Map<string, Uint8Array>();
  readonly #usedAt = new Map<string, Date>();

  async put(content: Content, promised?: StoredArtifact): Promise<StoredArtifact> {
    const bytes = content instanceof Uint8Array ? new Uint8Array(content) : await concatenate(content);
    const sha256 = sha256Of(bytes);
    const stored = { sha256, bytes: bytes.byteLength };
    if (promised) assertKept(stored, promised);
    this.#contents.set(sha256, bytes);
    this.#usedAt.set(sha256, new Date());
    return stored;
  }

  async *entries(): AsyncGenerator<ArtifactEntry> {
    for (const [sha256, { byteLength: bytes }] of [...this.#contents])
      yield { sha256, bytes, usedAt: this.#usedAt.get(sha256) ?? new Date(0) };
  }

  async renew(sha256: string): Promise<boolean> {
    assertSha256(sha256);
    if (this.#contents.has(sha256)) this.#usedAt.set(sha256, new Date());
    return this.#contents.has(sha256);
  }

  async remove(sha256: string, unusedSince: Date): Promise<number | undefined> {
    assertSha256(sha256);
    const content = this.#contents.get(sha256);
    if (!content || (this.#usedAt.get(sha256) ?? 0) > unusedSince) return undefined;
    this.#contents.delete(sha256);
    this.#usedAt.delete(sha256);
    return content.byteLength;
  }

  async tidy(): Promise<{ removed: number; removedBytes: number }> {
    return { removed: 0, removedBytes: 0 };
  }

  async has(sha256: string): Promise<boolean> {
    assertSha256(sha256);
    return this.#contents.has(sha256);
  }

  async get(sha256: string): Promise<Uint8Array> {
    // Not slice(): where the content was a Buffer, that would share its memory.
    return new Uint8Array(this.#find(sha256));
  }

  async *read(sha256: string, range: ReadRange = {}): AsyncGenerator<Uint8Array> {
    assertRange(range);
    const content = this.#find(sha256);
    const start = range.offset ?? 0;
    const end = Math.min(start + (range.length ?? content.byteLength), content.byteLength);
    for (let position = start; position < end; position += CHUNK_BYTES) {
      yield content.slice(position, Math.min(position + CHUNK_BYTES, end));
    }
  }

  async size(sha256: string): Promise<number> {
    return this.#find(sha256).byteLength;
  }

  #find(sha256: string): Uint8Array {
    assertSha256(sha256);
    const content = this.#contents.get(sha256);
    if (!content) throw artifactNotFound(sha256, 'memory');
    return content;
  }
}

async function concatenate(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  // Each chunk is copied: its producer may reuse the buffer.
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let filled = 0;
  for (const part of parts) {
    whole.set(part, filled);
    filled += part.byteLength;
  }
  return whole;
}
