/** A near store in front of a far one: what is read once stays near, and what is kept near is also kept far. */
import { TriptychError } from '@triptych/protocol';
import {
  type ArtifactStore,
  artifactCorrupt,
  type Content,
  type ReadRange,
  type StoredArtifact,
} from './artifact-store.ts';

/**
 * `get` and `read`: from `local`, or else the whole artifact comes from `remote` first, checked on the way. A local copy that
 * has rotted is replaced. Requests for the same artifact share one transfer.
 * `put`: resolves when both have it.
 */
export function cachedStore(local: ArtifactStore, remote: ArtifactStore): ArtifactStore {
  return new CachedStore(local, remote);
}

class CachedStore implements ArtifactStore {
  readonly #local: ArtifactStore;
  readonly #remote: ArtifactStore;
  readonly #transfers = new Map<string, Promise<void>>();

  constructor(local: ArtifactStore, remote: ArtifactStore) {
    this.#local = local;
    this.#remote = remote;
  }

  async put(content: Content, promised?: StoredArtifact): Promise<StoredArtifact> {
    const stored = await this.#local.put(content, promised);
    if (await this.#remote.has(stored.sha256)) return stored;
    // From the start again as often as the remote store asks: it may lose its connection on the way.
    const kept = { [Symbol.asyncIterator]: () => this.#local.read(stored.sha256)[Symbol.asyncIterator]() };
    const sent = await this.#remote.put(content instanceof Uint8Array ? content : kept, stored);
    if (sent.sha256 !== stored.sha256)
      throw artifactCorrupt(stored.sha256, sent.sha256, 'the remote store after sending');
    return stored;
  }

  async has(sha256: string): Promise<boolean> {
    return (await this.#local.has(sha256)) || (await this.#remote.has(sha256));
  }

  async get(sha256: string): Promise<Uint8Array> {
    await this.#bringNear(sha256);
    try {
      return await this.#local.get(sha256);
    } catch (error) {
      if (!hasCode(error, 'ARTIFACT_CORRUPT') && !hasCode(error, 'NOT_FOUND')) throw error;
      await this.#transfer(sha256);
      return this.#local.get(sha256);
    }
  }

  async *read(sha256: string, range?: ReadRange): AsyncGenerator<Uint8Array> {
    await this.#bringNear(sha256);
    let begun = false;
    try {
      for await (const piece of this.#local.read(sha256, range)) {
        begun = true;
        yield piece;
      }
      return;
    } catch (error) {
      // Others who share the near store may have made room in it.
      if (begun || !hasCode(error, 'NOT_FOUND')) throw error;
    }
    await this.#transfer(sha256);
    yield* this.#local.read(sha256, range);
  }

  async size(sha256: string): Promise<number> {
    return (await this.#local.has(sha256)) ? this.#local.size(sha256) : this.#remote.size(sha256);
  }

  async #bringNear(sha256: string): Promise<void> {
    if (!(await this.#local.has(sha256))) await this.#transfer(sha256);
  }

  #transfer(sha256: string): Promise<void> {
    const running = this.#transfers.get(sha256);
    if (running) return running;
    const transfer = this.#copy(sha256).finally(() => this.#transfers.delete(sha256));
    this.#transfers.set(sha256, transfer);
    return transfer;
  }

  async #copy(sha256: string): Promise<void> {
    const { sha256: actual } = await this.#local.put(this.#remote.read(sha256));
    if (actual !== sha256) throw artifactCorrupt(sha256, actual, 'the remote store');
  }
}

const hasCode = (error: unknown, code: TriptychError['code']): boolean =>
  error instanceof TriptychError && error.code === code;
