/** The golden cases in a folder: the folder itself, or those below it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { GoldenCase } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';

const DEEPEST = 4;

/** In the order of their names. @throws TriptychError NOT_FOUND where there is none. */
export function findCases(folder: string): GoldenCase[] {
  const cases = casesBelow(new GoldenCase(folder), 0);
  if (cases.length > 0) return cases;
  const message = `${folder} is no golden case: expected a folder with a case.json, or one of such folders`;
  throw new TriptychError('NOT_FOUND', message);
}

function casesBelow(folder: GoldenCase, depth: number): GoldenCase[] {
  if (folder.exists) return [folder];
  if (depth === DEEPEST) return [];
  return subfolders(folder.folder).flatMap((name) => casesBelow(folder.beside(name), depth + 1));
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(join(folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .map(({ name }) => name)
      .sort();
  } catch {
    // No folder at all: it has no case.
    return [];
  }
}
