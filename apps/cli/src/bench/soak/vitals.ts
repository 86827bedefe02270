/** Everything of a control plane that could grow, as one flat list of numbers. */
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import type { Stack } from '../../local/index.ts';
import type { ProbeReading } from './probe.ts';

/** By name, the unit in it. `rows TABLE` for each table of the database. */
export type Vitals = Readonly<Record<string, number>>;

export interface VitalsOptions {
  readonly stack: Stack;
  /** The socket of the {@link ProbeReading}. */
  readonly probePath: string;
}

const MIB = 2 ** 20;

export async function readVitals({ stack, probePath }: VitalsOptions): Promise<Vitals> {
  const scrape = await (await fetch(`${stack.url}/metrics`)).text();
  const [database, disk, probe] = [
    await readDatabase(stack.databaseUrl),
    await readFolder(stack.artifactsPath),
    await readProbe(probePath),
  ];
  const { heapBytes, externalBytes, rssBytes, resources, loopDelayMs } = probe;
  return {
    'heap MiB': heapBytes / MIB,
    'external MiB': externalBytes / MIB,
    'RSS MiB': rssBytes / MIB,
    'file descriptors': readdirSync(`/proc/${stack.controlPlane.pid}/fd`).length,
    threads: Number(
      /^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${stack.controlPlane.pid}/status`, 'utf8'))?.[1],
    ),
    sockets: (resources['TCPSocketWrap'] ?? 0) + (resources['TCPWRAP'] ?? 0),
    timers: resources['Timeout'] ?? 0,
    'loop delay p99 ms': loopDelayMs.p99,
    'loop delay max ms': loopDelayMs.max,
    'metric series': scrape.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
    'scrape KiB': scrape.length / 1024,
    'artifact files': disk.files,
    'artifact MiB': disk.bytes / MIB,
    ...database,
  };
}

export async function readProbe(probePath: string, path = '/'): Promise<ProbeReading> {
  return JSON.parse(
    await new Promise<string>((resolve, reject) => {
      request({ socketPath: probePath, path }, (response) => text(response).then(resolve, reject))
        .on('error', reject)
        .end();
    }),
  ) as ProbeReading;
}

/** Rows are counted, not estimated: an estimate is as old as the last vacuum. */
async function readDatabase(url: string): Promise<Vitals> {
  return withDatabase(url, async (query) => {
    const tables = await query<{ schema: string; name: string }>(
      `SELECT schemaname AS schema, tablename AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`,
    );
    const rows: Record<string, number> = {};
    let queued = 0;
    for (const { schema, name } of tables) {
      const [counted] = await query<{ count: number }>(
        `SELECT count(*)::int AS count FROM "${schema}"."${name}"`,
      );
      if (schema === 'public') rows[`rows ${name}`] = counted?.count ?? 0;
      else queued += counted?.count ?? 0;
    }
    const [size] = await query<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes');
    const [connections] = await query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    return {
      'database MiB': Number(size?.bytes) / MIB,
      'database connections': connections?.count ?? 0,
      'queue rows': queued,
      ...rows,
    };
  });
}

export type Query = <Row>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

export async function withDatabase<T>(url: string, use: (query: Query) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(async (sql, values = []) => (await client.query(sql, [...values])).rows);
  } finally {
    await client.end();
  }
}

async function readFolder(path: string): Promise<{ files: number; bytes: number }> {
  let [files, bytes] = [0, 0];
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files += 1;
    bytes += (await stat(join(entry.parentPath ?? entry.path, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return { files, bytes };
}
