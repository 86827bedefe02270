/**
 * Removes artifacts that nothing refers to: marks what the record names, in one snapshot, and sweeps the others. Uploads go on
 * meanwhile, so an artifact stays where somebody may be about to refer to it:
 * - it was stored, or asked for by a worker, less than the grace before the snapshot;
 * - it was stored since the oldest attempt under way began, and is no checkpoint that was superseded;
 * - a registration or an import is under way, in whichever process: then there is no snapshot, and nothing is swept.
 * One that begins after the snapshot reads rows that the snapshot has, or that are newer than it; what it stores itself is younger
 * than the grace. A worker's upload of something that is there already renews it (the store tells). Broken off anywhere, nothing is lost that
 * something refers to.
 */
import { type Collection, TriptychError } from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import type { CollectableStore } from '@triptych/storage';
import type { ArtifactReferences } from '../store/artifact-references.ts';

export interface ArtifactCollectionOptions {
  readonly artifacts: CollectableStore;
  /** Taken while nothing is registered or imported. `UNAVAILABLE` where something is. */
  readonly references: () => Promise<ArtifactReferences>;
  /** Throws where this process may remove nothing more. */
  readonly assertMayRemove?: () => void;
  readonly logger: Logger;
  readonly graceMs?: number;
  /** Told of what was removed. */
  readonly onRemoved?: (removed: { readonly count: number; readonly bytes: number }) => void;
}

const GRACE_MS = 10 * 60_000;
/** How many entries are looked at before others have their turn. */
const TURN = 200;

export class ArtifactCollection {
  readonly #options: ArtifactCollectionOptions;
  readonly #graceMs: number;
  #running: Promise<Collection> | undefined;
  #closed = false;

  constructor(options: ArtifactCollectionOptions) {
    this.#options = options;
    this.#graceMs = options.graceMs ?? GRACE_MS;
  }

  /** One at a time: who asks while it is under way gets its result. `UNAVAILABLE` while something is registered or imported. */
  collect(): Promise<Collection> {
    this.#running ??= this.#collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Resolves when nothing is removed any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running?.catch(() => undefined);
  }

  async #collect(): Promise<Collection> {
    this.#assertMayGoOn();
    const { artifacts, references, logger } = this.#options;
    const began = Date.now();
    const record = await references();
    const unused = new Date(began - this.#graceMs);
    const done = { kept: 0, waiting: 0, ...(await artifacts.tidy(unused)) };
    const candidates = new Set<string>();
    for await (const { sha256 } of inTurns(artifacts.entries())) {
      if (record.direct.has(sha256)) done.kept += 1;
      else candidates.add(sha256);
    }
    for (const list of candidates.size > 0 ? record.lists : [])
      for await (const name of this.#namesIn(list)) if (candidates.delete(name)) done.kept += 1;
    const settled = new Date(Math.min(began, record.writingSince?.getTime() ?? began) - this.#graceMs);
    for (const sha256 of candidates) {
      this.#assertMayGoOn();
      const bytes = await artifacts.remove(sha256, record.superseded.has(sha256) ? unused : settled);
      if (bytes === undefined) done.waiting += 1;
      else {
        done.removed += 1;
        done.removedBytes += bytes;
      }
    }
    const { removed, removedBytes } = done;
    if (removed > 0) {
      this.#options.onRemoved?.({ count: removed, bytes: removedBytes });
      logger.info(
        { event: 'artifacts-collected', ...done, seconds: (Date.now() - began) / 1000 },
        `Removed ${removed} artifacts that nothing refers to: ${removedBytes} bytes`,
      );
    }
    return done;
  }

  /**
   * Whatever looks like a hash counts, so that no format need be known and no large text be parsed at once. What a damaged list
   * named is not known: then nothing may go.
   */
  async *#namesIn(list: string): AsyncGenerator<string> {
    let rest = '';
    try {
      for await (const piece of this.#options.artifacts.read(list)) {
        const text = rest + Buffer.from(piece).toString('latin1');
        for (const [name] of text.matchAll(HASH)) yield name;
        rest = text.slice(-(HASH_LENGTH - 1));
      }
    } catch (error) {
      if (!(error instanceof TriptychError) || error.code !== 'NOT_FOUND') throw error;
    }
  }

  #assertMayGoOn(): void {
    if (this.#closed) throw new TriptychError('UNAVAILABLE', 'The control plane is ending');
    this.#options.assertMayRemove?.();
  }
}

const HASH_LENGTH = 64;
const HASH = /[0-9a-f]{64}/g;

async function* inTurns<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  let count = 0;
  for await (const item of items) {
    yield item;
    count += 1;
    if (count % TURN === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
