/** The launcher's side of the embedded database: starts its guard, waits for the port, stops it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TriptychError } from '@triptych/protocol';
import { SUPERUSER } from './cluster.ts';
import type { GuardMessage, StartDatabase } from './messages.ts';

const GUARD = new URL('../../../dist/local/postgres/guard.js', import.meta.url);

export interface Database {
  readonly url: string;
  /** Of PostgreSQL itself. */
  readonly pid: number;
  readonly port: number;
  /** Resolves at its end: false where that was asked for. */
  readonly died: Promise<boolean>;
  stop(): Promise<void>;
}

export interface DatabaseOptions {
  /** Holds the password and, where PostgreSQL's user can reach it, the data. */
  readonly folder: string;
  readonly logPath: string;
  /** A free one where it is left out. */
  readonly port?: number;
  readonly signal: AbortSignal;
}

/** UNAVAILABLE with the reason where the database cannot be started; the signal's reason where it is aborted. */
export async function startDatabase({ folder, logPath, port, signal }: DatabaseOptions): Promise<Database> {
  mkdirSync(folder, { recursive: true });
  const { password, fresh } = passwordIn(folder);
  const log = openSync(logPath, 'a');
  const guard = spawn(process.execPath, ['--enable-source-maps', fileURLToPath(GUARD)], {
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  });
  closeSync(log);
  const abort = () => guard.kill('SIGTERM');
  signal.addEventListener('abort', abort, { once: true });
  try {
    guard.send({ folder, password, fresh, ...(port === undefined ? {} : { port }) } satisfies StartDatabase);
    const message = await firstMessage(guard);
    signal.throwIfAborted();
    if (message?.kind === 'ready') {
      let ending = false;
      const died = gone(guard).then(() => !ending);
      const stop = () => {
        ending = true;
        return end(guard);
      };
      const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${message.port}/postgres`;
      return { url, pid: message.pid, port: message.port, died, stop };
    }
    const why = message?.message ?? `its guard ended with code ${guard.exitCode}`;
    throw new TriptychError('UNAVAILABLE', `The embedded PostgreSQL did not start: ${why}\nLog: ${logPath}`);
  } catch (error) {
    await end(guard);
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The first message, or nothing where the guard ends without one. */
async function firstMessage(guard: ChildProcess): Promise<GuardMessage | undefined> {
  const done = new AbortController();
  try {
    return await Promise.race([
      once(guard, 'message', { signal: done.signal }).then(([message]) => message as GuardMessage),
      once(guard, 'exit', { signal: done.signal }).then(() => undefined),
    ]);
  } finally {
    done.abort();
  }
}

async function end(guard: ChildProcess): Promise<void> {
  guard.kill('SIGTERM');
  await gone(guard);
}

async function gone(guard: ChildProcess): Promise<void> {
  if (guard.exitCode === null && guard.signalCode === null) await once(guard, 'exit');
}

/** Made once for each home, so that the data of the last time can be opened again. Readable for the owner only. */
function passwordIn(folder: string): { password: string; fresh: boolean } {
  const path = join(folder, 'password');
  try {
    return { password: readFileSync(path, 'utf8'), fresh: false };
  } catch {
    const password = randomBytes(18).toString('base64url');
    writeFileSync(path, password, { mode: 0o600 });
    return { password, fresh: true };
  }
}
