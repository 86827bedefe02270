/** The state folder of a stack: where things lie in it, and the lock that keeps two stacks from sharing it. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { drawSecret, TriptychError } from '@triptych/protocol';
import { TOKEN_FILE } from '../api-token.ts';
import { startOf } from './process-identity.ts';

export interface Home {
  readonly path: string;
  readonly artifacts: string;
  readonly cache: string;
  readonly logs: string;
  readonly postgres: string;
  /** The file with what workers show to register: whoever may read it may add some. */
  readonly joinToken: string;
  /** The file of the stack's own API token. */
  readonly tokenFile: string;
  /** Gives the lock back; the content stays. */
  release(): void;
}

/** Creates the folder if needed and takes its lock. ILLEGAL_STATE where a live process holds it. */
export function openHome(path: string): Home {
  const at = (...names: string[]) => join(resolve(path), ...names);
  const home = { artifacts: at('artifacts'), cache: at('cache'), logs: at('logs'), postgres: at('postgres') };
  for (const folder of Object.values(home)) mkdirSync(folder, { recursive: true });
  const release = lock(at('stack.lock'), at());
  return {
    path: at(),
    ...home,
    joinToken: joinTokenIn(at('join-token')),
    tokenFile: at(TOKEN_FILE),
    release,
  };
}

/** Drawn once: workers of a stack that is started again are still let in. */
function joinTokenIn(path: string): string {
  if (!existsSync(path)) writeFileSync(path, `${drawSecret()}\n`, { mode: 0o600 });
  return path;
}

interface Owner {
  readonly pid: number;
  readonly start: string | undefined;
}

function lock(path: string, home: string): () => void {
  const self: Owner = { pid: process.pid, start: startOf(process.pid) };
  // A second try is enough for a stale lock; more only happen when several launchers race for it.
  for (let attempt = 0; attempt < 5; attempt++) {
    if (create(path, self)) return () => release(path, self);
    const owner = ownerOf(path);
    if (owner && startOf(owner.pid) !== undefined && startOf(owner.pid) === owner.start) {
      throw new TriptychError(
        'ILLEGAL_STATE',
        `Process ${owner.pid} already runs a stack in ${home}; stop it first (kill ${owner.pid}) or choose another folder with --home`,
      );
    }
    discardStale(path, owner);
  }
  throw new TriptychError(
    'ILLEGAL_STATE',
    `Other processes are starting a stack in ${home} at the same time`,
  );
}

function create(path: string, self: Owner): boolean {
  try {
    writeFileSync(path, JSON.stringify(self), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function ownerOf(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch {
    return undefined; // Gone, or cut off in the middle of its creation.
  }
}

/** Moves the lock aside before it is deleted: of several launchers only one can move it, and it looks at what it moved. */
function discardStale(path: string, stale: Owner | undefined): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = ownerOf(aside);
  rmSync(aside, { force: true });
  // Somebody took over between our look and our move: give the new owner its lock back.
  if (moved && moved.pid !== stale?.pid) create(path, moved);
}

function release(path: string, self: Owner): void {
  if (ownerOf(path)?.pid === self.pid) rmSync(path, { force: true });
}
