/** Which folders of this machine requests may name: those inside the roots that the operator gave, wherever links lead. */
import { realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { invalidInput, show } from '@triptych/protocol';

/** Empty: any. */
export type DataRoots = readonly string[];

/**
 * The folder as it may be read.
 * @throws TriptychError INVALID_INPUT where it is not inside a root. Whether it exists outside of them is not told.
 */
export async function allowedPath(path: string, roots: DataRoots): Promise<string> {
  const asked = resolve(path);
  if (roots.length === 0) return asked;
  const target = await realpath(asked).catch(() => asked);
  const homes = await Promise.all(roots.map((root) => realpath(root).catch(() => resolve(root))));
  if (homes.some((home) => isInside(home, target))) return asked;
  throw invalidInput('request', [
    {
      path: '/path',
      expected: `a folder inside ${roots.join(' or ')}`,
      actual: show(path),
      remedy: 'copy or mount it there, or have the operator add its folder to TRIPTYCH_DATA_ROOTS',
    },
  ]);
}

const isInside = (home: string, target: string): boolean =>
  target === home || target.startsWith(home.endsWith(sep) ? home : home + sep);
