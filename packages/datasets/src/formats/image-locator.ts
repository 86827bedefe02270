/** Where the images of an annotation file lie: a name as the file writes it to a path of the source. */
import { normalize } from 'node:path';
import type { SourceFiles } from '../source/source-files.ts';

export type Located = { readonly path: string } | { readonly fault: 'missing-image' | 'outside-folder' };

/** Tries the `places` (folders, '' for the top), the one that worked last first. */
export function imageLocator(files: SourceFiles, places: readonly string[]): (name: string) => Located {
  const order = [...new Set(places)];
  return (name) => {
    const relative = normalize(name).replaceAll('\\', '/');
    if (/^(\.\.(\/|$)|\/)/.test(relative)) return { fault: 'outside-folder' };
    for (const [position, place] of order.entries()) {
      const path = place === '' ? relative : `${place}/${relative}`;
      if (!files.has(path)) continue;
      order.unshift(...order.splice(position, 1));
      return { path };
    }
    return { fault: 'missing-image' };
  };
}
