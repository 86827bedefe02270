/** The user that PostgreSQL runs as: this one, or for root (which PostgreSQL refuses) an unprivileged id. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `nobody` on most systems. No account is needed: PostgreSQL only looks at the number. */
const UNPRIVILEGED = 65534;

export interface DatabaseUser {
  /** Options for `spawn`. */
  readonly spawn: { readonly uid?: number; readonly gid?: number };
  /** Gives a file or folder to this user. */
  own(path: string): void;
}

export function databaseUser(): DatabaseUser {
  if (process.getuid?.() !== 0) return { spawn: {}, own: () => undefined };
  return {
    spawn: { uid: UNPRIVILEGED, gid: UNPRIVILEGED },
    own: (path) => chownSync(path, UNPRIVILEGED, UNPRIVILEGED),
  };
}

/**
 * A folder for the database files: `preferred`, unless the user cannot get there because a folder above is closed to others
 * (root's home, say). Then one in the system's temporary folder that belongs to `preferred` alone.
 */
export function reachableFolder(preferred: string, user: DatabaseUser): string {
  mkdirSync(preferred, { recursive: true, mode: 0o755 });
  const { status } = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', preferred], {
    ...user.spawn,
    cwd: '/',
    stdio: 'ignore',
  });
  if (status === 0) return preferred;
  const name = `triptych-${createHash('sha256').update(preferred).digest('hex').slice(0, 16)}`;
  const folder = join(existsSync('/var/tmp') ? '/var/tmp' : tmpdir(), name);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { uid } = lstatSync(folder);
  if (uid !== process.getuid?.()) throw new Error(`${folder} belongs to another user; remove it`);
  return folder;
}
