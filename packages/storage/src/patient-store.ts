/** A store that waits where another one has no room: whoever asks it is told, and goes on when there is room again. */
import { setTimeout as delay } from 'node:timers/promises';
import { TriptychError } from '@triptych/protocol';
import type { ArtifactStore, Content, ReadRange, StoredArtifact } from './artifact-store.ts';

export interface PatientStoreOptions {
  /** At the beginning of a wait, now and then while it lasts (the same words again), and once when nothing waits any more. */
  readonly onWait: (wait: { readonly waiting: boolean; readonly message: string }) => void;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  readonly longestPauseMs?: number;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

/** Content that can be read only once is not stored a second time: there STORAGE_FULL is passed on. */
export function patientStore(store: ArtifactStore, options: PatientStoreOptions): ArtifactStore {
  return new PatientStore(store, options);
}

class PatientStore implements ArtifactStore {
  readonly #store: ArtifactStore;
  readonly #options: PatientStoreOptions;
  #waiting = 0;

  constructor(store: ArtifactStore, options: PatientStoreOptions) {
    this.#store = store;
    this.#options = options;
  }

  put(content: Content, promised?: StoredArtifact): Promise<StoredArtifact> {
    const put = () => this.#store.put(content, promised);
    const repeatable: boolean = isRepeatable(content);
    return repeatable ? this.#patiently(put) : put();
  }

  has(sha256: string): Promise<boolean> {
    return this.#store.has(sha256);
  }

  get(sha256: string): Promise<Uint8Array> {
    return this.#patiently(() => this.#store.get(sha256));
  }

  async *read(sha256: string, range?: ReadRange): AsyncGenerator<Uint8Array> {
    const pieces = await this.#patiently(async () => {
      const begun = this.#store.read(sha256, range)[Symbol.asyncIterator]();
      return { begun, first: await begun.next() };
    });
    if (pieces.first.done) return;
    yield pieces.first.value;
    yield* { [Symbol.asyncIterator]: () => pieces.begun };
  }

  size(sha256: string): Promise<number> {
    return this.#store.size(sha256);
  }

  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const { signal, longestPauseMs = LONGEST_PAUSE_MS } = this.#options;
    let waits = false;
    try {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
        try {
          return await work();
        } catch (error) {
          if (!isStorageFull(error)) throw error;
          if (!waits) this.#waiting += 1;
          waits = true;
          this.#options.onWait({ waiting: true, message: error.message });
        }
        await delay(Math.min(longestPauseMs, pauseMs), undefined, { signal }).catch(() =>
          signal.throwIfAborted(),
        );
      }
    } finally {
      if (waits) this.#waiting -= 1;
      if (waits && this.#waiting === 0)
        this.#options.onWait({ waiting: false, message: 'There is room again' });
    }
  }
}

export const isStorageFull = (error: unknown): error is TriptychError =>
  error instanceof TriptychError && error.code === 'STORAGE_FULL';

/** What can be read from its start again. */
export const isRepeatable = (content: Content): content is Content =>
  content instanceof Uint8Array || !Object.is(content[Symbol.asyncIterator](), content);
