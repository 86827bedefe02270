import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';

const script = fileURLToPath(new URL('./throwaway-postgres.mjs', import.meta.url));

/** A process that starts a server as tests do, prints its URL, and never ends by itself. */
const starter = `
  const keeper = require('node:child_process').spawn(process.execPath, [${JSON.stringify(script)}], { stdio: 'pipe', detached: true });
  keeper.stdout.pipe(process.stdout);
  setInterval(() => {}, 1e6);
`;

const folderOf = async (url: string): Promise<string> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query('SHOW data_directory');
  await client.end();
  return rows[0].data_directory;
};

let parent: ReturnType<typeof spawn> | undefined;
afterEach(() => parent?.kill('SIGKILL'));

test('a server dies with whoever started it, and its data with it', async () => {
  parent = spawn(process.execPath, ['-e', starter], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(parent.stdout as NonNullable<typeof parent.stdout>, 'data');
  const url = String(line).trim();
  const folder = await folderOf(url);
  expect(existsSync(folder)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false);
  await expect(folderOf(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
