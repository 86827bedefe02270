/**
 * A file that somebody named, opened without believing that it is one: pipes, devices, folders and links that lead out of the
 * folder are refused before a byte is read.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { TriptychError, type Violation } from '@triptych/protocol';
import { type ByteRanges, tooShort } from './byte-ranges.ts';

/** One read takes at most 2 GiB - 1. */
const READ_BYTES = 1024 ** 3;
const CHUNK_BYTES = 1024 ** 2;

export class RegularFile implements ByteRanges {
  /** Relative to its folder. */
  readonly name: string;
  readonly size: number;
  readonly #modifiedMs: number;
  readonly #handle: FileHandle;

  private constructor(
    name: string,
    handle: FileHandle,
    { size, mtimeMs }: { size: number; mtimeMs: number },
  ) {
    this.name = name;
    this.size = size;
    this.#modifiedMs = mtimeMs;
    this.#handle = handle;
  }

  /**
   * Undefined where there is none of this name. The caller closes it.
   * @throws TriptychError MODEL_INVALID where it is no regular file, lies elsewhere, or cannot be read.
   */
  static async open(folder: string, name: string): Promise<RegularFile | undefined> {
    const path = join(folder, name);
    try {
      const [inside, real] = [await realpath(folder), await realpath(path)];
      const way = relative(inside, real);
      if (way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))
        refuse(name, {
          expected: `a file inside ${folder}`,
          actual: `a link to ${real}`,
          remedy: 'copy the folder with "cp -rL", which puts files where links were',
        });
      // Opening a pipe would wait for its other end.
      const handle = await open(real, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      const stats = await handle.stat();
      if (stats.isFile()) return new RegularFile(name, handle, stats);
      await handle.close();
      return refuse(name, {
        expected: 'a regular file',
        actual: kindOf(stats),
        remedy: 'put the file itself there',
      });
    } catch (cause) {
      if (cause instanceof TriptychError) throw cause;
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      return refuse(name, {
        expected: 'a file that can be read',
        actual: message,
        remedy: 'correct its permissions',
        cause,
      });
    }
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.size) throw tooShort(this.name, offset + length, this.size);
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(bytes, {
        offset: filled,
        length: Math.min(length - filled, READ_BYTES),
        position: offset + filled,
      });
      if (bytesRead === 0) throw tooShort(this.name, offset + length, offset + filled);
      filled += bytesRead;
    }
    return bytes;
  }

  /** All of it in order. @throws TriptychError MODEL_INVALID where it was changed since it was opened. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    for (let offset = 0; offset < this.size; offset += CHUNK_BYTES)
      yield await this.read(offset, Math.min(CHUNK_BYTES, this.size - offset));
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.size || mtimeMs !== this.#modifiedMs)
      refuse(this.name, {
        expected: 'a file that stays as it is',
        actual: 'it changed while it was read',
        remedy: 'try again when nobody writes to it',
      });
  }

  /** @throws TriptychError MODEL_INVALID where it is larger than `limit` bytes, or no UTF-8. */
  async text(limit: number): Promise<string> {
    if (this.size > limit)
      refuse(this.name, {
        expected: `at most ${limit} bytes`,
        actual: `${this.size}`,
        remedy: 'it is no such file: replace it',
      });
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(await this.read(0, this.size));
    } catch (cause) {
      return refuse(this.name, {
        expected: 'text in UTF-8',
        actual: 'other bytes',
        remedy: 'save it again',
        cause,
      });
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function refuse(
  name: string,
  { cause, ...problem }: Omit<Violation, 'path'> & { readonly cause?: unknown },
): never {
  const { expected, actual, remedy } = problem;
  throw new TriptychError('MODEL_INVALID', `${name}: expected ${expected}, got ${actual}; ${remedy}`, {
    violations: [{ path: `/${name}`, ...problem }],
    cause,
  });
}

function kindOf(stats: { isDirectory(): boolean; isFIFO(): boolean; isSocket(): boolean }): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a named pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}
