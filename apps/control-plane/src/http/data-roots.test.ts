import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { allowedPath } from './data-roots.ts';

let home: string;
let server: TestServer;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'triptych-roots-'));
  for (const folder of ['data/birds', 'database', 'secret'])
    await mkdir(join(home, folder), { recursive: true });
  await writeFile(join(home, 'secret/config.json'), '{"model_type":"clip"}');
  await symlink(join(home, 'secret'), join(home, 'data/link'));
  await symlink(join(home, 'data'), join(home, 'linked-root'));
  server = await startTestServer({ dataRoots: [join(home, 'data')] });
});
afterAll(async () => {
  await server?.close();
  await rm(home, { recursive: true, force: true });
});

const allowed = (path: string, ...roots: string[]) =>
  allowedPath(
    join(home, path),
    roots.map((root) => join(home, root)),
  ).then(
    () => true,
    () => false,
  );

test('a folder inside a root is allowed, however it is spelled; what leads out is not', async () => {
  expect(await allowed('data', 'data')).toBe(true);
  expect(await allowed('data/birds', 'data')).toBe(true);
  expect(await allowed('data/not-there-yet', 'data')).toBe(true);
  expect(await allowed('secret/../data/birds', 'data')).toBe(true);
  expect(await allowed('linked-root/birds', 'data')).toBe(true);
  expect(await allowed('data/birds', 'linked-root')).toBe(true);
  expect(await allowed('data/birds', 'secret', 'data')).toBe(true);
  expect(await allowed('data/../secret', 'data')).toBe(false);
  expect(await allowed('data/link', 'data')).toBe(false);
  expect(await allowed('database', 'data')).toBe(false);
  expect(await allowed('.', 'data')).toBe(false);
  expect(await allowedPath('/etc', [])).toBe('/etc');
});

test.each([
  ['/v1/datasets', {}],
  ['/v1/models', {}],
  ['/v1/models', { base: 'clip-tiny' }],
])('%s %j: a folder elsewhere is refused, and nothing is told of it', async (url, fields) => {
  for (const path of ['secret', 'not-there', 'data/link']) {
    const payload = { name: 'mine', path: join(home, path), ...fields };
    const answer = await server.app.inject({ method: 'POST', url, payload });
    expect(answer.statusCode).toBe(422);
    expect(answer.json().violations).toMatchObject([
      { path: '/path', expected: `a folder inside ${join(home, 'data')}` },
    ]);
  }
});
