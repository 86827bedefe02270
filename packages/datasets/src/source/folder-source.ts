/**
 * A folder on disk as a source. Nothing outside of it and of the allowed roots is read, whatever links say, and nothing is opened that is
 * no regular file: a pipe or a device named .jpg would hang the reader or never end. Hidden files and folders do not belong to a dataset.
 */
import { constants } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { TriptychError } from '@triptych/protocol';
import type { ProblemLog } from '../pack/problems.ts';
import type { ByteRange, Source, SourceFile } from './source.ts';
import { isSystemFile } from './system-file.ts';

/** Someone who registers `/` by mistake gets an answer, and the server keeps its memory. */
const MAX_FILES = 4_000_000;
const MAX_DEPTH = 32;

/** Files looked at together: as many as Node's pool has threads. */
const WIDTH = 4;
const CHUNK_BYTES = 1 << 20;

export interface FolderOptions {
  /** Gets what is left out. */
  readonly problems: ProblemLog;
  readonly signal?: AbortSignal | undefined;
  /** Folders into which links may lead, beside the folder itself. */
  readonly roots?: readonly string[] | undefined;
}

/** Walks `path` at the first `list`, and only then. Throws DATASET_INVALID where it is too large. */
export function folderSource(path: string, options: FolderOptions): Source {
  let listed: Promise<readonly SourceFile[]> | undefined;
  const homes = () => realHomes([path, ...(options.roots ?? [])]);
  return {
    async *list() {
      listed ??= homes().then((found) => walk(path, { ...options, homes: found }));
      yield* await listed;
    },
    async *read(file, range) {
      yield* readInside({ root: path, homes: await homes(), file, range });
    },
  };
}

/** The first is the dataset's own, and must exist. */
async function realHomes([own, ...roots]: readonly string[]): Promise<string[]> {
  const others = await Promise.all(roots.map((root) => realpath(root).catch(() => undefined)));
  return [await realpath(own as string), ...others.filter((home) => home !== undefined)];
}

interface Waiting {
  /** '' or a path that ends in `/`. */
  readonly folder: string;
  /** Real paths of the folders that it is in, itself last: a linked folder that is one of these would go round for ever. */
  readonly above: readonly string[];
}

async function walk(
  root: string,
  { problems, signal, homes }: FolderOptions & { homes: readonly string[] },
): Promise<SourceFile[]> {
  const home = homes[0] as string;
  const files: SourceFile[] = [];
  const waiting: Waiting[] = [{ folder: '', above: [home] }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    signal?.throwIfAborted();
    const { folder, above } = next;
    if (above.length > MAX_DEPTH || files.length > MAX_FILES)
      throw new TriptychError(
        'DATASET_INVALID',
        `"${root}" has more than ${MAX_FILES} files or ${MAX_DEPTH} levels of folders; expected a dataset; give the folder of the dataset alone`,
      );
    const all = await readdir(join(home, folder), { withFileTypes: true });
    for (const { name } of all) if (isSystemFile(name)) problems.add('system-file', folder + name);
    const entries = all.filter(({ name }) => !name.startsWith('.') && !isSystemFile(name));
    if (entries.length === 0 && folder !== '') files.push({ path: folder, bytes: 0 });
    const plain: string[] = [];
    const enter = (path: string, real: string) =>
      waiting.push({ folder: `${path}/`, above: [...above, real] });
    for (const entry of entries) {
      const path = folder + entry.name;
      if (entry.isDirectory()) enter(path, join(above.at(-1) as string, entry.name));
      else if (entry.isFile()) plain.push(path);
      else if (entry.isSymbolicLink()) {
        const link = await followed(join(home, path), { homes, above });
        if ('fault' in link) problems.add('link-not-followed', `${path}: ${link.fault}`);
        else if (link.isFolder) enter(path, link.target);
        else plain.push(path);
      } else problems.add('not-a-regular-file', path);
    }
    for (let start = 0; start < plain.length; start += WIDTH) {
      const sized = plain.slice(start, start + WIDTH).map(async (path) => {
        const found = await stat(join(home, path)).catch(() => undefined);
        return { path, bytes: found?.size ?? 0 };
      });
      files.push(...(await Promise.all(sized)));
    }
  }
  return files;
}

/** Where a link leads, or why it is not followed. */
async function followed(
  path: string,
  { homes, above }: { homes: readonly string[]; above: readonly string[] },
): Promise<{ readonly target: string; readonly isFolder: boolean } | { readonly fault: string }> {
  const target = await realpath(path).catch(() => undefined);
  if (target === undefined) return { fault: 'it leads nowhere' };
  const inside = homes.some((home) => target === home || isInside(home, target));
  if (!inside)
    return {
      fault: homes.length > 1 ? 'it leads out of the allowed folders' : 'it leads out of the folder',
    };
  const found = await lstat(target).catch(() => undefined);
  if (found?.isDirectory())
    return above.includes(target)
      ? { fault: 'it leads to a folder that it is in' }
      : { target, isFolder: true };
  return found?.isFile() ? { target, isFolder: false } : { fault: 'it leads to no regular file' };
}

async function* readInside(at: {
  root: string;
  homes: readonly string[];
  file: string;
  range: ByteRange | undefined;
}): AsyncGenerator<Uint8Array> {
  const { homes, file, range } = at;
  const target = await realpath(join(homes[0] as string, file));
  if (!homes.some((home) => isInside(home, target))) throw new Error(`"${file}" leads out of the folder`);
  // Looked at before it is opened, and again after: opening a pipe waits for its other end unless it is told not to.
  if (!(await lstat(target)).isFile()) throw new Error(`"${file}" is not a regular file`);
  const handle = await open(
    target,
    constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0),
  );
  try {
    const { size } = await handle.stat().then((found) => {
      if (!found.isFile()) throw new Error(`"${file}" is not a regular file`);
      return found;
    });
    const end = range ? range.offset + range.length : size;
    // Never more than its size: a file that grows meanwhile has no end.
    for (let position = range?.offset ?? 0; position < end; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) throw new Error(`"${file}" became shorter while it was read`);
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

const isInside = (home: string, target: string): boolean =>
  target.startsWith(home.endsWith(sep) ? home : home + sep);
