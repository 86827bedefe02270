/** A PostgreSQL data folder and the server on it: creation, what a crash left behind, start, stop. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TriptychError } from '@triptych/protocol';
import { commandOf, isAlive } from '../process-identity.ts';
import type { Binaries } from './binaries.ts';
import type { DatabaseUser } from './database-user.ts';

export const SUPERUSER = 'triptych';

export interface ClusterOptions {
  readonly binaries: Binaries;
  readonly user: DatabaseUser;
  /** Reachable for `user`; holds `data/`. */
  readonly folder: string;
  /** Of the superuser; used when the cluster is created. */
  readonly password: string;
  readonly signal: AbortSignal;
}

/** Creates the cluster unless it is there. It becomes visible whole or not at all. */
export async function ensureCluster({
  binaries,
  user,
  folder,
  password,
  signal,
}: ClusterOptions): Promise<void> {
  const data = join(folder, 'data');
  if (existsSync(join(data, 'PG_VERSION'))) return assertVersion(data, binaries);
  for (const entry of readdirSync(folder)) {
    if (entry.startsWith('new-')) rmSync(join(folder, entry), { recursive: true, force: true });
  }
  const fresh = join(folder, `new-${process.pid}`);
  const passwordFile = `${fresh}.password`;
  mkdirSync(fresh, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  user.own(fresh);
  user.own(passwordFile);
  const initdb = spawn(
    binaries.initdb,
    [
      '-D',
      fresh,
      '-U',
      SUPERUSER,
      '--pwfile',
      passwordFile,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ],
    { ...user.spawn, cwd: '/', stdio: 'inherit' },
  );
  const abort = () => initdb.kill('SIGTERM');
  signal.addEventListener('abort', abort);
  try {
    const [code] = (await once(initdb, 'exit')) as [number | null];
    signal.throwIfAborted();
    if (code !== 0) throw new TriptychError('UNAVAILABLE', `initdb ended with code ${code}`);
    renameSync(fresh, data);
  } finally {
    signal.removeEventListener('abort', abort);
    rmSync(passwordFile, { force: true });
  }
}

function assertVersion(data: string, binaries: Binaries): void {
  const created = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (created === binaries.version.split('.')[0]) return;
  throw new TriptychError(
    'UNAVAILABLE',
    `${data} was created by PostgreSQL ${created}, the one installed is ${binaries.version}; remove the folder to start empty`,
  );
}

export function removeCluster(folder: string): void {
  rmSync(join(folder, 'data'), { recursive: true, force: true });
}

/** Stops the server that a launcher left behind when it was killed together with its guard. */
export async function stopOrphan(folder: string, signal: AbortSignal): Promise<void> {
  const data = join(folder, 'data');
  const pid = postmasterOf(data)?.pid;
  if (pid === undefined || !isAlive(pid) || !commandOf(pid)?.includes(data)) return;
  process.kill(pid, 'SIGINT');
  for (let waited = 0; isAlive(pid) && commandOf(pid) !== undefined; waited += POLL_MS) {
    if (waited === FAST_STOP_MS) process.kill(pid, 'SIGQUIT');
    await delay(POLL_MS, undefined, { signal });
  }
}

/** Starts the server on 127.0.0.1 and resolves when it takes connections. UNAVAILABLE where it ends before. */
export async function startServer(
  options: ClusterOptions & { readonly port: number },
): Promise<ChildProcess> {
  const { binaries, user, folder, port, signal } = options;
  const data = join(folder, 'data');
  const settings = { ...serverSettings, port: String(port) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(binaries.postgres, ['-D', data, ...flags], {
    ...user.spawn,
    cwd: '/',
    stdio: 'inherit',
  });
  try {
    while (postmasterOf(data)?.status !== 'ready' || postmasterOf(data)?.pid !== server.pid) {
      if (server.exitCode !== null || server.signalCode !== null) {
        throw new TriptychError(
          'UNAVAILABLE',
          `PostgreSQL ended with code ${server.exitCode} before it was ready`,
        );
      }
      await delay(POLL_MS, undefined, { signal });
    }
  } catch (error) {
    await stopServer(server);
    throw error;
  }
  return server;
}

/** Ends connections and stops; at once where that takes too long (the next start then replays the log). */
export async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const gone = once(server, 'exit');
  server.kill('SIGINT');
  const hurry = setTimeout(() => server.kill('SIGQUIT'), FAST_STOP_MS);
  await gone;
  clearTimeout(hurry);
}

const POLL_MS = 20;
const FAST_STOP_MS = 5_000;

/**
 * A crash of a process loses nothing and a crash of the machine corrupts nothing, but may lose the last half second
 * (`synchronous_commit=off`). No replication, no parallel queries (small /dev/shm in containers), no Unix socket (long paths).
 */
const serverSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '64MB',
  synchronous_commit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '256MB',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  logging_collector: 'off',
};

/** postmaster.pid: line 1 is the pid, line 8 the status (`starting`, `ready`, ...), padded. The way pg_ctl waits, too. */
function postmasterOf(data: string): { pid: number; status: string | undefined } | undefined {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), status: lines[7]?.trim() };
  } catch {
    return undefined;
  }
}
