/**
 * A cache of limited size: what was used longest ago goes first. What this store was asked for stays while it is open, and
 * what others who share the folder used lately stays too; where that alone is more than the limit, the limit is exceeded.
 */
import type {
  ArtifactStore,
  CollectableStore,
  Content,
  ReadRange,
  StoredArtifact,
} from './artifact-store.ts';
import { isStorageFull } from './patient-store.ts';

export interface BoundedStoreOptions {
  readonly limitBytes: number;
  /** How lately others must have used what is left to them. */
  readonly spareMs?: number;
}

const SPARE_MS = 10 * 60_000;
/** Room is made for more than the next artifact, so that not every one looks through the folder. */
const FILL = 0.9;
/** Where nothing may go, it is not looked for again at once. */
const FUTILE_MS = 60_000;

/** Open one for each job, and drop it afterwards. */
export function boundedStore(store: CollectableStore, options: BoundedStoreOptions): ArtifactStore {
  return new BoundedStore(store, options);
}

class BoundedStore implements ArtifactStore {
  readonly #store: CollectableStore;
  readonly #options: BoundedStoreOptions;
  readonly #spareMs: number;
  /** Of this job, with the time of the last renewal. */
  readonly #used = new Map<string, number>();
  /** Unknown before the folder was looked through. */
  #bytes: number | undefined;
  #notBefore = 0;
  #shrinking: Promise<void> | undefined;

  constructor(store: CollectableStore, options: BoundedStoreOptions) {
    this.#store = store;
    this.#options = options;
    this.#spareMs = options.spareMs ?? SPARE_MS;
  }

  async put(content: Content, promised?: StoredArtifact): Promise<StoredArtifact> {
    try {
      const stored = await this.#store.put(content, promised);
      this.#used.set(stored.sha256, Date.now());
      if (this.#bytes !== undefined) this.#bytes += stored.bytes;
      await this.#shrink();
      return stored;
    } catch (error) {
      // For whoever tries again.
      if (isStorageFull(error)) await this.#evict(0);
      throw error;
    }
  }

  async has(sha256: string): Promise<boolean> {
    const isThere = await this.#store.has(sha256);
    if (isThere) await this.#use(sha256);
    return isThere;
  }

  async get(sha256: string): Promise<Uint8Array> {
    await this.#use(sha256);
    return this.#store.get(sha256);
  }

  async *read(sha256: string, range?: ReadRange): AsyncGenerator<Uint8Array> {
    await this.#use(sha256);
    yield* this.#store.read(sha256, range);
  }

  size(sha256: string): Promise<number> {
    return this.#store.size(sha256);
  }

  async #use(sha256: string): Promise<void> {
    const now = Date.now();
    const renewed = this.#used.get(sha256);
    if (renewed !== undefined && now - renewed < this.#spareMs / 4) return;
    this.#used.set(sha256, now);
    await this.#store.renew(sha256);
  }

  /** One at a time. */
  async #shrink(): Promise<void> {
    const { limitBytes } = this.#options;
    if ((this.#bytes !== undefined && this.#bytes <= limitBytes) || Date.now() < this.#notBefore) return;
    this.#shrinking ??= this.#evict(limitBytes).finally(() => {
      this.#shrinking = undefined;
    });
    await this.#shrinking;
  }

  async #evict(limitBytes: number): Promise<void> {
    const entries = [];
    for await (const entry of this.#store.entries()) entries.push(entry);
    let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    const spared = new Date(Date.now() - this.#spareMs);
    entries.sort((a, b) => a.usedAt.getTime() - b.usedAt.getTime());
    const target = bytes > limitBytes ? FILL * limitBytes : limitBytes;
    for (const { sha256 } of entries) {
      if (bytes <= target) break;
      if (!this.#used.has(sha256)) bytes -= (await this.#store.remove(sha256, spared)) ?? 0;
    }
    this.#bytes = bytes;
    if (bytes > limitBytes) this.#notBefore = Date.now() + FUTILE_MS;
  }
}
