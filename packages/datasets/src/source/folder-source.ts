/**
 * A folder on disk as a source. Nothing outside of it is read, whatever links say, and nothing is opened that is no regular file:
 * a pipe or a device named .jpg would hang the reader or never end. Hidden files and folders do not belong to a dataset.
 */
import { constants } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { TriptychError } from '@triptych/protocol';
import type { ProblemLog } from '../pack/problems.ts';
import type { Source, SourceFile } from './source.ts';

/** Someone who registers `/` by mistake gets an answer, and the server keeps its memory. */
const MAX_FILES = 4_000_000;
const MAX_DEPTH = 32;

/** Files looked at together: as many as Node's pool has threads. */
const WIDTH = 4;
const CHUNK_BYTES = 1 << 20;

/** Walks `path` at the first `list`, and only then. What is left out is added to `problems`. Throws DATASET_INVALID where it is too large. */
export function folderSource(
  path: string,
  options: { problems: ProblemLog; signal?: AbortSignal | undefined },
): Source {
  let listed: Promise<readonly SourceFile[]> | undefined;
  return {
    async *list() {
      listed ??= walk(path, options);
      yield* await listed;
    },
    read: (file) => readInside(path, file),
  };
}

async function walk(
  root: string,
  { problems, signal }: { problems: ProblemLog; signal?: AbortSignal | undefined },
): Promise<SourceFile[]> {
  const home = await realpath(root);
  const files: SourceFile[] = [];
  const waiting: { folder: string; depth: number }[] = [{ folder: '', depth: 0 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    signal?.throwIfAborted();
    const { folder, depth } = next;
    if (depth > MAX_DEPTH || files.length > MAX_FILES)
      throw new TriptychError(
        'DATASET_INVALID',
        `"${root}" has more than ${MAX_FILES} files or ${MAX_DEPTH} levels of folders; expected a dataset; give the folder of the dataset alone`,
      );
    const entries = (await readdir(join(home, folder), { withFileTypes: true })).filter(
      ({ name }) => !name.startsWith('.'),
    );
    if (entries.length === 0 && folder !== '') files.push({ path: folder, bytes: 0 });
    const plain: string[] = [];
    for (const entry of entries) {
      const path = folder + entry.name;
      if (entry.isDirectory()) waiting.push({ folder: `${path}/`, depth: depth + 1 });
      else if (entry.isFile()) plain.push(path);
      else if (entry.isSymbolicLink()) {
        const fault = await linkFault(home, path);
        if (fault) problems.add('link-not-followed', `${path}: ${fault}`);
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

/** Why a link is not followed: undefined for one to a regular file inside. Linked folders could form a circle. */
async function linkFault(home: string, path: string): Promise<string | undefined> {
  const target = await realpath(join(home, path)).catch(() => undefined);
  if (target === undefined) return 'it leads nowhere';
  if (target !== home && !isInside(home, target)) return 'it leads out of the folder';
  const found = await lstat(target).catch(() => undefined);
  if (found?.isDirectory()) return 'it leads to a folder';
  return found?.isFile() ? undefined : 'it leads to no regular file';
}

async function* readInside(root: string, file: string): AsyncGenerator<Uint8Array> {
  const home = await realpath(root);
  const target = await realpath(join(home, file));
  if (!isInside(home, target)) throw new Error(`"${file}" leads out of the folder`);
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
    // Never more than its size: a file that grows meanwhile has no end.
    for (let position = 0; position < size; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - position));
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
