/**
 * The one interface through which bytes are kept: content goes in, its sha256 comes out, and only that hash brings it back.
 * Nothing is ever changed or named, so copies in several places cannot disagree.
 */
import { createHash } from 'node:crypto';
import { invalidInput, show, TriptychError } from '@triptych/protocol';

export interface StoredArtifact {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

export type Content = Uint8Array | AsyncIterable<Uint8Array>;

export interface ReadRange {
  /** First byte, 0 by default. Past the end: nothing is read. */
  readonly offset?: number;
  /** Bytes at most; to the end by default. */
  readonly length?: number;
}

export interface ArtifactStore {
  /**
   * Keeps the content. It can be read as soon as this resolves, and not a byte of it before; on failure nothing remains.
   * @throws TriptychError ARTIFACT_CORRUPT where the content is not what was `promised`: a stream that is cut looks like one
   * that has ended. STORAGE_FULL where there is no room for it: later there may be.
   */
  put(content: Content, promised?: StoredArtifact): Promise<StoredArtifact>;
  /** False also for what was found to be corrupt since it was put. */
  has(sha256: string): Promise<boolean>;
  /**
   * The whole content, checked against its hash, in an ArrayBuffer of its own (so that float views are aligned).
   * @throws TriptychError NOT_FOUND, or ARTIFACT_CORRUPT where what is stored is not what the hash promises.
   */
  get(sha256: string): Promise<Uint8Array>;
  /**
   * The content in order, in chunks. Reading all of it checks the hash after the last chunk (ARTIFACT_CORRUPT);
   * a range cannot be checked.
   */
  read(sha256: string, range?: ReadRange): AsyncIterable<Uint8Array>;
  /** Bytes. NOT_FOUND where there is none. */
  size(sha256: string): Promise<number>;
  /** Of the volume that the content is kept on. Absent where there is none to fill up. */
  space?(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}

export interface ArtifactEntry extends StoredArtifact {
  /** When it was put or renewed last. */
  readonly usedAt: Date;
}

/** A store of which something can be taken away again. Whoever does so knows what is needed; the store knows what was used. */
export interface CollectableStore extends ArtifactStore {
  /** What is there, in no order; what comes or goes meanwhile may be missing. */
  entries(): AsyncIterable<ArtifactEntry>;
  /** The artifact counts as used now. False where it is not there. */
  renew(sha256: string): Promise<boolean>;
  /** Takes it away unless it was used since. @returns its bytes; nothing where it stays or was not there */
  remove(sha256: string, unusedSince: Date): Promise<number | undefined>;
  /** Takes away what writers left that were broken off before, and brings back what a removal that was broken off had in hand. */
  tidy(unusedSince: Date): Promise<{ readonly removed: number; readonly removedBytes: number }>;
}

/** Content that is made while it is stored, and made again where a store has to begin anew. */
export function streamOf(
  pieces: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* pieces();
    },
  };
}

export function sha256Of(content: Uint8Array): string {
  const hash = createHash('sha256');
  // One update takes at most 2 GiB - 1.
  for (let start = 0; start < content.byteLength; start += HASH_PIECE_BYTES) {
    hash.update(content.subarray(start, start + HASH_PIECE_BYTES));
  }
  return hash.digest('hex');
}

const HASH_PIECE_BYTES = 64 * 1024 * 1024;

/** The content as it comes, and not a byte more than was promised. */
export async function* upTo(content: Content, promised: StoredArtifact): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of content instanceof Uint8Array ? [content] : content) {
    bytes += piece.byteLength;
    if (bytes > promised.bytes) throw brokenPromise(promised, `${bytes} bytes or more`);
    yield piece;
  }
}

export function assertKept(stored: StoredArtifact, promised: StoredArtifact): void {
  if (stored.bytes !== promised.bytes) throw brokenPromise(promised, `${stored.bytes} bytes`);
  if (stored.sha256 !== promised.sha256)
    throw brokenPromise(promised, `content with sha256 ${stored.sha256}`);
}

const brokenPromise = ({ sha256, bytes }: StoredArtifact, actual: string): TriptychError =>
  new TriptychError(
    'ARTIFACT_CORRUPT',
    `Artifact ${sha256} was promised with ${bytes} bytes, but ${actual} arrived; send it again`,
  );

/** Hashes become file paths: anything that is not one never reaches a file system. */
export function assertSha256(sha256: string): void {
  if (/^[0-9a-f]{64}$/.test(sha256)) return;
  throw invalidInput('artifact hash', [
    { path: '', expected: '64 lower-case hex digits', actual: show(sha256), remedy: 'pass a sha256' },
  ]);
}

export function assertRange(range: ReadRange): void {
  const wrong = Object.entries(range).filter(
    ([, value]) => value !== undefined && !(Number.isSafeInteger(value) && value >= 0),
  );
  if (wrong.length === 0) return;
  throw invalidInput(
    'range',
    wrong.map(([name, value]) => ({
      path: `/${name}`,
      expected: 'a whole number of bytes, 0 or more',
      actual: show(value),
      remedy: 'correct it',
    })),
  );
}

/** A volume without room, or a user whose share of it is used up. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** What a write failed with, as STORAGE_FULL where that is what it says. */
export function asStorageError(error: unknown, where: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && FULL.has(code) ? storageFull(where, code, error) : error;
}

export const storageFull = (where: string, why: string, cause?: unknown): TriptychError =>
  new TriptychError(
    'STORAGE_FULL',
    `There is no room for an artifact in ${where} (${why}); make room there, what waits goes on by itself`,
    { cause },
  );

export const artifactNotFound = (sha256: string, where: string, cause?: unknown): TriptychError =>
  new TriptychError('NOT_FOUND', `There is no artifact ${sha256} in ${where}`, { cause });

export const artifactCorrupt = (expected: string, actual: string, where: string): TriptychError =>
  new TriptychError(
    'ARTIFACT_CORRUPT',
    `Artifact ${expected} in ${where} has content with sha256 ${actual}; store it again from its source`,
  );
