/**
 * Artifacts in a folder: `<path>/ab/cdef...` (the hash, cut after two digits). A file appears there by rename, after its
 * bytes are on disk, so whatever has a name is whole, whoever is killed when. Several processes may share the folder.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ArtifactEntry,
  artifactCorrupt,
  artifactNotFound,
  asStorageError,
  assertKept,
  assertRange,
  assertSha256,
  type CollectableStore,
  type Content,
  type ReadRange,
  type StoredArtifact,
  storageFull,
  upTo,
} from './artifact-store.ts';
import {
  entriesIn,
  ignoreMissing,
  isMissing,
  namesIn,
  removeAbandoned,
  removeUnused,
} from './folder-removal.ts';

const INCOMING = '.incoming';
/** Where a file lies while it is removed. */
const REMOVED = '.removed';
const CHUNK_BYTES = 1024 * 1024;
/** Since its last byte was written; a younger file may belong to a writer that is alive. */
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

export function folderStore(path: string): CollectableStore {
  return new FolderStore(path);
}

class FolderStore implements CollectableStore {
  readonly #folder: string;
  #ready: Promise<void> | undefined;
  /** Found to have other content than their hash promises. Whoever has the right content is to put it again. */
  readonly #rotten = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes even what is there already: that repairs a copy that has rotted, and equal content makes the order immaterial. */
  async put(content: Content, promised?: StoredArtifact): Promise<StoredArtifact> {
    if (promised) assertSha256(promised.sha256);
    const temporary = join(this.#folder, INCOMING, randomUUID());
    try {
      await this.#prepare();
      if (promised) await this.#assertRoom(promised.bytes);
      const stored = await writeDurably(temporary, promised ? upTo(content, promised) : content);
      if (promised) assertKept(stored, promised);
      await this.#publish(temporary, stored.sha256);
      return stored;
    } catch (error) {
      await rm(temporary, { force: true });
      throw asStorageError(error, this.#folder);
    }
  }

  entries(): AsyncGenerator<ArtifactEntry> {
    return entriesIn(this.#folder);
  }

  async renew(sha256: string): Promise<boolean> {
    const now = new Date();
    try {
      await utimes(this.#pathOf(sha256), now, now);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  remove(sha256: string, unusedSince: Date): Promise<number | undefined> {
    return removeUnused(this.#pathOf(sha256), { aside: join(this.#folder, REMOVED, sha256), unusedSince });
  }

  async tidy(unusedSince: Date): Promise<{ removed: number; removedBytes: number }> {
    for (const sha256 of await namesIn(join(this.#folder, REMOVED)))
      await rename(join(this.#folder, REMOVED, sha256), this.#pathOf(sha256)).catch(ignoreMissing);
    return await removeAbandoned(join(this.#folder, INCOMING), unusedSince);
  }

  async space(): Promise<{ freeBytes: number; totalBytes: number }> {
    await this.#prepare();
    const { bavail, blocks, bsize } = await statfs(this.#folder);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }

  async has(sha256: string): Promise<boolean> {
    if (this.#rotten.has(sha256)) return false;
    try {
      await this.size(sha256);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'NOT_FOUND') return false;
      throw error;
    }
  }

  async get(sha256: string): Promise<Uint8Array> {
    const content = new Uint8Array(await this.size(sha256));
    let filled = 0;
    for await (const chunk of this.read(sha256)) {
      content.set(chunk, filled);
      filled += chunk.byteLength;
    }
    return content;
  }

  async *read(sha256: string, range: ReadRange = {}): AsyncGenerator<Uint8Array> {
    assertRange(range);
    const part = range.offset !== undefined || range.length !== undefined;
    if (part && this.#rotten.has(sha256)) throw artifactCorrupt(sha256, 'other than that', this.#folder);
    const file = await this.#open(sha256);
    try {
      const { size } = await file.stat();
      const start = Math.min(range.offset ?? 0, size);
      const end = Math.min(start + (range.length ?? Number.POSITIVE_INFINITY), size);
      const whole = start === 0 && end === size;
      const hash = whole ? createHash('sha256') : undefined;
      for await (const chunk of chunksOf(file, start, end)) {
        hash?.update(chunk);
        yield chunk;
      }
      const actual = hash?.digest('hex') ?? sha256;
      if (actual === sha256) return;
      this.#rotten.add(sha256);
      throw artifactCorrupt(sha256, actual, this.#folder);
    } finally {
      await file.close();
    }
  }

  async size(sha256: string): Promise<number> {
    try {
      return (await stat(this.#pathOf(sha256))).size;
    } catch (error) {
      throw this.#translate(sha256, error);
    }
  }

  #pathOf(sha256: string): string {
    assertSha256(sha256);
    return join(this.#folder, sha256.slice(0, 2), sha256.slice(2));
  }

  async #open(sha256: string): Promise<FileHandle> {
    try {
      return await open(this.#pathOf(sha256), 'r');
    } catch (error) {
      throw this.#translate(sha256, error);
    }
  }

  #translate(sha256: string, error: unknown): unknown {
    return isMissing(error) ? artifactNotFound(sha256, this.#folder, error) : error;
  }

  #prepare(): Promise<void> {
    this.#ready ??= prepareIncoming(join(this.#folder, INCOMING)).catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  /** Before anything is sent: an upload that has no room would fill the volume first, for everybody. */
  async #assertRoom(bytes: number): Promise<void> {
    const { freeBytes } = await this.space();
    // The same words at every try: whoever waits says nothing new.
    if (bytes > freeBytes) throw storageFull(this.#folder, `${bytes} bytes are more than are free`);
  }

  async #publish(temporary: string, sha256: string): Promise<void> {
    const target = this.#pathOf(sha256);
    const parent = join(target, '..');
    await mkdir(parent, { recursive: true });
    await rename(temporary, target);
    this.#rotten.delete(sha256);
    await syncFolder(parent);
    await syncFolder(this.#folder);
  }
}

async function writeDurably(path: string, content: Content): Promise<StoredArtifact> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx');
  try {
    for await (const chunk of content instanceof Uint8Array ? piecesOf(content) : content) {
      hash.update(chunk);
      await writeAll(file, chunk);
      bytes += chunk.byteLength;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

function* piecesOf(content: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < content.byteLength; start += CHUNK_BYTES) {
    yield content.subarray(start, start + CHUNK_BYTES);
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0;
  while (written < chunk.byteLength) written += (await file.write(chunk, written)).bytesWritten;
}

async function* chunksOf(file: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  let position = start;
  while (position < end) {
    // A fresh buffer for each chunk: the consumer may keep it.
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, end - position));
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, position);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** Makes the folder for unfinished writes and removes what killed writers left in it. */
async function prepareIncoming(incoming: string): Promise<void> {
  await mkdir(incoming, { recursive: true });
  await removeAbandoned(incoming, new Date(Date.now() - ABANDONED_AFTER_MS));
}

/** A rename survives a power cut only once the folder's own entry is on disk. Windows has no such call. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
