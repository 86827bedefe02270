/** The real embedded PostgreSQL, from the built files. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commandOf, isAlive, parentOf } from '../process-identity.ts';
import { isOpen, launch } from '../testing/launch.ts';
import { type Database, startDatabase } from './database.ts';

let folder: string;
const open: Database[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'triptych-database-'));
  // Open to PostgreSQL's own user, which it needs where the tests run as root.
  chmodSync(folder, 0o755);
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((database) => database.stop()));
  rmSync(folder, { recursive: true });
});

async function start(signal = new AbortController().signal): Promise<Database> {
  const database = await startDatabase({ folder, logPath: join(folder, 'postgres.log'), signal });
  open.push(database);
  return database;
}

const portOf = ({ url }: Database) => Number(new URL(url).port);

test('starts, stops without a trace, and starts again on the same data', async () => {
  const first = await start();
  expect(await isOpen(portOf(first))).toBe(true);
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);
  expect(await isOpen(portOf(first))).toBe(false);
  const second = await start();
  expect(new URL(second.url).password).toBe(new URL(first.url).password);
});

test('an abort in the middle of the start leaves nothing, and the next start works', async () => {
  const controller = new AbortController();
  const starting = start(controller.signal);
  controller.abort(new Error('Ctrl-C'));
  await expect(starting).rejects.toThrow('Ctrl-C');
  expect(await isOpen(portOf(await start()))).toBe(true);
});

test('kill -9 of the launcher stops it', async () => {
  const { launcher, pids, ports } = await launch('database', folder);
  launcher.kill('SIGKILL');
  await expect.poll(() => isAlive(pids[0]!), { timeout: 10_000 }).toBe(false);
  expect(await isOpen(ports[0]!)).toBe(false);
});

test('kill -9 of launcher and guard leaves an orphan, which the next start replaces', async () => {
  const { launcher, pids, ports } = await launch('database', folder);
  const guard = parentOf(pids[0]!)!;
  process.kill(guard, 'SIGKILL');
  launcher.kill('SIGKILL');
  expect(await isOpen(ports[0]!)).toBe(true);
  expect(await isOpen(portOf(await start()))).toBe(true);
  expect(isAlive(pids[0]!)).toBe(false);
});

test.runIf(process.getuid?.() === 0)(
  'under a folder that is closed to others the data lies elsewhere, and goes with its home',
  async () => {
    chmodSync(folder, 0o700);
    const closed = join(folder, 'home');
    const open = () =>
      startDatabase({
        folder: closed,
        logPath: join(folder, 'postgres.log'),
        signal: new AbortController().signal,
      });
    const first = await open();
    const data = dataFolderOf(first.pid);
    expect(data.startsWith(folder)).toBe(false);
    await first.stop();
    rmSync(closed, { recursive: true });
    const second = await open();
    try {
      expect(dataFolderOf(second.pid)).toBe(data);
      const client = new Client({ connectionString: second.url });
      await client.connect();
      await client.end();
    } finally {
      await second.stop();
      rmSync(dirname(data), { recursive: true });
    }
  },
);

const dataFolderOf = (pid: number) => / -D (\S+)/.exec(commandOf(pid) ?? '')?.[1] ?? '';
