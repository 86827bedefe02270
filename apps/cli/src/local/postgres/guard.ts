/**
 * Entry point of a process that owns PostgreSQL for a stack: it creates and starts the database when told where, and stops it
 * when asked (SIGTERM) or when the launcher goes, even by `kill -9` (the IPC channel closes). PostgreSQL itself knows no parent.
 */
import { TriptychError } from '@triptych/protocol';
import { freePorts } from '../ports.ts';
import { locateBinaries } from './binaries.ts';
import { ensureCluster, removeCluster, startServer, stopOrphan, stopServer } from './cluster.ts';
import { databaseUser, reachableFolder } from './database-user.ts';
import type { GuardMessage, StartDatabase } from './messages.ts';

const stopping = new AbortController();
process.once('disconnect', () => stopping.abort());
process.on('SIGTERM', () => stopping.abort());
process.once('message', (message) => void own(message as StartDatabase));

async function own({ folder, password, fresh, port: wanted }: StartDatabase): Promise<void> {
  try {
    const user = databaseUser();
    const binaries = locateBinaries(user);
    const { signal } = stopping;
    const options = { binaries, user, folder: reachableFolder(folder, user), password, signal };
    await stopOrphan(options.folder, signal);
    if (fresh && options.folder !== folder) removeCluster(options.folder);
    await ensureCluster(options);
    const [port = 0] = wanted === undefined ? await freePorts(1) : [wanted];
    const server = await startServer({ ...options, port });
    server.once('exit', (code) => process.exit(code ?? 1));
    if (signal.aborted) return await stopServer(server);
    signal.addEventListener('abort', () => void stopServer(server));
    tell({ kind: 'ready', port, pid: server.pid ?? 0 });
  } catch (error) {
    if (stopping.signal.aborted) process.exit(0);
    const expected = error instanceof TriptychError;
    tell({ kind: 'failed', message: expected ? error.message : ((error as Error).stack ?? String(error)) });
    process.exitCode = 1;
    process.disconnect?.();
  }
}

function tell(message: GuardMessage): void {
  if (process.connected) process.send?.(message);
}
