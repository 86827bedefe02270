/** Where the images of an annotation file lie: a name as the file writes it to a path of the source. */
import { posix } from 'node:path';
import { show } from '@triptych/protocol';
import type { ProblemLog } from '../pack/problems.ts';
import type { SourceFiles } from '../source/source-files.ts';

export type Located = { readonly path: string } | Lost;

export interface Lost {
  readonly fault: 'missing-image' | 'outside-folder' | 'ambiguous-image' | 'remote-image';
  /** What is there instead, for the message. */
  readonly hint?: string;
}

export type ImageLocator = (name: string) => Located;

/**
 * Tries the `places` (folders, '' for the top), the one that worked last first. Backslashes, `./` and `//` are read as they are meant, and
 * a name in another Unicode form is the same name; `%20` and other case are not guessed, but said.
 */
export function imageLocator(files: SourceFiles, places: readonly string[]): ImageLocator {
  const order = [...new Set(places)];
  return (name) => {
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(name)) return { fault: 'remote-image' };
    const relative = posix.normalize(name.replaceAll('\\', '/'));
    if (/^(\.\.(\/|$)|\/|[a-z]:)/i.test(relative)) return { fault: 'outside-folder' };
    const paths = order.map((place) => (place === '' ? relative : `${place}/${relative}`));
    const position = paths.findIndex((path) => files.has(path));
    if (position >= 0) {
      order.unshift(...order.splice(position, 1));
      return { path: paths[position] as string };
    }
    const similar = paths.flatMap((path) => files.alike(path));
    const composed = paths.map((path) => path.normalize('NFC'));
    const same = similar.filter((path) => composed.includes(path.normalize('NFC')));
    if (same.length === 1) return { path: same[0] as string };
    if (same.length > 1) return { fault: 'ambiguous-image', hint: `there are ${list(same)}` };
    const near = similar[0] ?? percentDecoded(paths).find((path) => files.has(path));
    return { fault: 'missing-image', ...(near === undefined ? {} : { hint: `there is ${show(near)}` }) };
  };
}

/** Reports an image that was not found: `where` is the entry that names it. */
export function reportLost(problems: ProblemLog, at: { where: string; name: string; lost: Lost }): void {
  const { fault, hint } = at.lost;
  const expected = fault === 'remote-image' ? 'a path in the folder' : 'an image in the folder';
  problems.add(
    fault,
    `${at.where}: expected ${expected}, got ${show(at.name)}${hint === undefined ? '' : `; ${hint}`}`,
  );
}

const list = (paths: readonly string[]): string => paths.map((path) => show(path)).join(' and ');

function percentDecoded(paths: readonly string[]): string[] {
  try {
    return paths.map(decodeURIComponent);
  } catch {
    return [];
  }
}
