import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { writeScenes } from '@triptych/datasets';
import type { CreatedToken, Run } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Application, type ApplicationConfig, buildApplication } from './application.ts';
import { createTestDatabase, execute, type TestDatabase } from './testing/postgres.ts';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'application-'));
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

const start = (httpPort = 0, more: Partial<ApplicationConfig> = {}): Promise<Application> =>
  buildApplication({
    databaseUrl: database.url,
    queueUrl: database.url,
    artifactsUrl: pathToFileURL(join(folder, 'artifacts')).href,
    http: { host: '127.0.0.1', port: httpPort },
    grpc: { host: '127.0.0.1', port: 0 },
    version: '0.0.0-test',
    logger: createLogger({ name: 'test', level: 'silent' }),
    ...more,
  });

const ask = async (application: Application, path: string, body?: object) => {
  const response = await fetch(`http://127.0.0.1:${application.httpPort}${path}`, {
    ...(body
      ? { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      : {}),
  });
  return { status: response.status, body: await response.json() };
};

async function register(application: Application, name: string, path: string): Promise<void> {
  expect((await ask(application, '/v1/datasets', { name, path })).status).toBe(202);
  const ready = { body: { state: 'READY' } };
  await expect.poll(() => ask(application, `/v1/datasets/${name}`), { timeout: 20_000 }).toMatchObject(ready);
}

test('a run that waits for workers survives a restart of the control plane, and says why it waits', async () => {
  const first = await start();
  expect(await ask(first, '/health/ready')).toEqual({
    status: 200,
    body: { status: 'ready', role: 'leader' },
  });
  const path = join(folder, 'scenes');
  await writeScenes({ path, images: 60, seed: 1 });
  await register(first, 'scenes', path);
  const { id } = (await ask(first, '/v1/runs', { model: 'clip-tiny', dataset: 'scenes' })).body as Run;
  await reason(first, id, 'WAITING_FOR_WORKERS');
  await first.close();

  const second = await start();
  const run = (await ask(second, `/v1/runs/${id}`)).body as Run;
  expect(run).toMatchObject({ status: 'QUEUED', reason: 'WAITING_FOR_WORKERS', queuePosition: 1 });
  expect((await ask(second, `/v1/runs/${id}/cancel`, {})).body).toMatchObject({ status: 'CANCELLED' });
  await second.close();
});

test('without a token nobody but this machine is listened to, until somebody says that all may come', async () => {
  const anywhere = { http: { host: '0.0.0.0', port: 0 } };
  await expect(start(0, anywhere)).rejects.toThrow(
    /no API token yet.*TRIPTYCH_ADMIN_TOKEN.*TRIPTYCH_AUTH=off/,
  );
  await expect(start(0, { publicHosts: ['triptych.example'] })).rejects.toThrow(/no API token yet/);
  for (const [way, status] of [
    [{ auth: 'off' }, 200],
    [{ access: { adminToken: 'x'.repeat(32) } }, 401],
  ] as const) {
    const application = await start(0, { ...anywhere, ...way });
    expect((await ask(application, '/v1/runs')).status).toBe(status);
    await application.close();
  }
});

test('a port that is taken is told with the way out, and leaves nothing open', async () => {
  const first = await start();
  await expect(start(first.httpPort)).rejects.toThrow(
    /Cannot listen on 127.0.0.1:\d+: .*EADDRINUSE.*TRIPTYCH_HTTP_PORT/,
  );
  expect((await ask(first, '/health/ready')).status).toBe(200);
  await first.close();
  await first.close();
});

test('connections that are terminated under load end no process: what cannot be answered is 503, and then it goes on', async () => {
  const unheard: unknown[] = [];
  const hear = (error: unknown) => unheard.push(error);
  process.on('uncaughtExceptionMonitor', hear);
  const application = await start();
  const path = join(folder, 'more-scenes');
  await writeScenes({ path, images: 60, seed: 1 });
  await register(application, 'more-scenes', path);
  const name = new URL(database.url).pathname.slice(1);
  const answers: number[] = [];
  const over = new AbortController();
  const users = Array.from({ length: 4 }, async (_, user) => {
    for (let count = 0; !over.signal.aborted; count++) {
      const { status } =
        count % 2 === 0
          ? await ask(application, '/v1/runs')
          : await ask(application, '/v1/runs', {
              model: 'clip-tiny',
              dataset: 'more-scenes',
              name: `${user}-${count}`,
            });
      answers.push(status);
    }
  });
  for (let cut = 0; cut < 25; cut++) {
    await execute(
      new URL('/postgres', database.url).href,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
      [name],
    );
    await delay(cut * 3);
  }
  over.abort();
  await Promise.all(users);
  expect([...new Set(answers)].filter((status) => ![200, 201, 503].includes(status))).toEqual([]);
  expect(answers).toContain(503);
  const { id } = (await ask(application, '/v1/runs', { model: 'clip-tiny', dataset: 'more-scenes' }))
    .body as Run;
  await reason(application, id, 'WAITING_FOR_WORKERS');
  await application.close();
  process.off('uncaughtExceptionMonitor', hear);
  expect(unheard).toEqual([]);
});

test('a connection over which nothing was asked keeps no control plane from ending', async () => {
  const application = await start();
  const socket = connect(application.httpPort, '127.0.0.1');
  await once(socket, 'connect');
  expect((await ask(application, '/health/ready')).status).toBe(200);
  await application.close();
  socket.destroy();
});

test('on this machine nobody is asked until there is a token, which an admin has', async () => {
  const open = await start();
  expect((await ask(open, '/v1/me')).body).toEqual({ name: 'anonymous', scope: 'admin', via: 'nothing' });
  const refused = await ask(open, '/v1/tokens', { name: 'ada', scope: 'read' });
  expect(refused.body).toMatchObject({ code: 'ILLEGAL_STATE' });
  const { token, id } = (await ask(open, '/v1/tokens', { name: 'ada', scope: 'admin' })).body as CreatedToken;
  expect((await ask(open, '/v1/me')).status).toBe(401);
  const headers = { authorization: `Bearer ${token}` };
  const url = `http://127.0.0.1:${open.httpPort}/v1/tokens/${id}`;
  expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(200);
  // What was revoked opens nothing again, also not after a restart.
  expect((await ask(open, '/v1/me')).status).toBe(401);
  await open.close();
  const again = await start();
  expect((await ask(again, '/v1/me')).status).toBe(401);
  await again.close();
});

/** Follows the events of a run until one carries this reason. */
async function reason(application: Application, id: string, wanted: Run['reason']): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${application.httpPort}/v1/runs/${id}/events`, {
    headers: { accept: 'text/event-stream' },
  });
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes(`"reason":"${wanted}"`)) return;
  }
  throw new Error(`the stream ended before ${wanted}: ${text}`);
}
