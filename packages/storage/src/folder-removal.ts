/** What lies in a folder of artifacts, and how a file of it goes away while others may be writing it again. */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactEntry } from './artifact-store.ts';

/** One sub-folder after the other. */
export async function* entriesIn(folder: string): AsyncGenerator<ArtifactEntry> {
  for (const start of await namesIn(folder)) {
    if (!/^[0-9a-f]{2}$/.test(start)) continue;
    for (const rest of await namesIn(join(folder, start))) {
      const found = await stat(join(folder, start, rest)).catch(ignoreMissing);
      if (found?.isFile() && /^[0-9a-f]{62}$/.test(rest))
        yield { sha256: start + rest, bytes: found.size, usedAt: found.mtime };
    }
  }
}

/**
 * Between looking at a file and removing it somebody may put it again, or renew it. So it is set aside first, which is one
 * step, and looked at there: what was used after all goes back. A removal that is broken off leaves it aside, not lost.
 */
export async function removeUnused(
  path: string,
  { aside, unusedSince }: { aside: string; unusedSince: Date },
): Promise<number | undefined> {
  const isUsed = ({ mtime }: { mtime: Date }) => mtime > unusedSince;
  const found = await stat(path).catch(ignoreMissing);
  if (!found || isUsed(found)) return undefined;
  await mkdir(dirname(aside), { recursive: true });
  try {
    await rename(path, aside);
  } catch (error) {
    ignoreMissing(error);
    return undefined;
  }
  const taken = await stat(aside).catch(ignoreMissing);
  if (!taken) return undefined;
  if (isUsed(taken)) {
    await rename(aside, path);
    return undefined;
  }
  await rm(aside, { force: true });
  return taken.size;
}

/** Files of writers that were killed; a younger one may belong to a writer that is alive. */
export async function removeAbandoned(
  incoming: string,
  unusedSince: Date,
): Promise<{ removed: number; removedBytes: number }> {
  let [removed, removedBytes] = [0, 0];
  for (const name of await namesIn(incoming)) {
    const path = join(incoming, name);
    const found = await stat(path).catch(ignoreMissing);
    if (!found || found.mtime > unusedSince) continue;
    await rm(path, { force: true });
    removed += 1;
    removedBytes += found.size;
  }
  return { removed, removedBytes };
}

export async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(ignoreMissing)) ?? [];
}

export const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

export function ignoreMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
