/** Two control planes on one database, put together whole: what the one that follows answers, over REST and to workers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import { control, drawSecret, leader, leaderSaid } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Application, buildApplication } from '../application.ts';
import { anyNumerics } from '../testing/numerics.ts';
import { createTestDatabase, execute, type TestDatabase } from '../testing/postgres.ts';

let database: TestDatabase;
let folder: string;
let one: Application;
let other: Application;
const clients: { close(): void }[] = [];

const start = (): Promise<Application> =>
  buildApplication({
    databaseUrl: database.url,
    queueUrl: database.url,
    artifactsUrl: pathToFileURL(join(folder, 'artifacts')).href,
    http: { host: '127.0.0.1', port: 0 },
    grpc: { host: '127.0.0.1', port: 0 },
    version: '0.0.0-test',
    logger: createLogger({ name: 'test', level: 'silent' }),
  });

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'two-control-planes-'));
  one = await start();
  other = await start();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await Promise.all([one.close(), other.close()]);
  await database.close();
  await rm(folder, { recursive: true });
});

async function ask({ httpPort }: Application, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${httpPort}${path}`, { method });
  const text = await response.text();
  return { status: response.status, retryAfter: response.headers.get('retry-after'), text };
}

const registration = (port: number): control.RegisterRequest => ({
  ...{ workerId: '', address: `127.0.0.1:${port}`, pool: 'default', backend: 'wasm', device: 'cpu' },
  ...{ threads: 1, memoryBytes: 1, version: '0.1.0', assignments: [], numerics: anyNumerics() },
  trainerSecret: drawSecret(),
});

const register = ({ grpcPort }: Application, port: number) =>
  new Promise<control.RegisterResponse>((resolve, reject) => {
    const client = new control.ControlClient(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
    clients.push(client);
    client.register(registration(port), (error, answer) => (error ? reject(error) : resolve(answer)));
  });

const leads = (application: Application) =>
  expect.poll(() => application.leadership.isLeading, { timeout: 30_000, interval: 20 }).toBe(true);

test('the first leads; both are ready and say which is which', async () => {
  expect([one, other].map(({ leadership }) => leadership.isLeading)).toEqual([true, false]);
  for (const [application, role] of [[one, 'leader'] as const, [other, 'follower'] as const]) {
    expect(JSON.parse((await ask(application, '/health/ready')).text)).toEqual({ status: 'ready', role });
    const { text } = await ask(application, '/metrics');
    expect(text).toContain(`triptych_leader ${role === 'leader' ? 1 : 0}`);
    // What the record says is in one of two scrapes.
    expect(text.includes('triptych_queue_depth{')).toBe(role === 'leader');
  }
});

test('a worker that comes to the one that follows is told where the leader is, and is seen through both', async () => {
  const refusal = await register(other, 7001).then(
    () => undefined,
    (error: ServiceError) => error,
  );
  expect(refusal && leaderSaid(refusal)).toBe(`127.0.0.1:${one.grpcPort}`);
  expect(refusal?.details).toMatch(/does not lead; .* at 127.0.0.1:\d+ does/);
  const { workerId } = await register(one, 7001);
  for (const application of [one, other]) {
    const { items } = JSON.parse((await ask(application, '/v1/workers')).text) as {
      items: { id: string; state: string }[];
    };
    expect(items.map(({ id, state }) => ({ id, state }))).toEqual([{ id: workerId, state: 'idle' }]);
  }
});

test('what only the leader does is asked for through the one that follows', async () => {
  const { status, text } = await ask(other, '/v1/artifacts/collections', 'POST');
  expect([status, JSON.parse(text)]).toEqual([200, { kept: 0, waiting: 0, removed: 0, removedBytes: 0 }]);
});

test('nobody but a control plane that knows the term asks the leader', async () => {
  const client = new leader.LeaderClient(`127.0.0.1:${one.grpcPort}`, credentials.createInsecure());
  clients.push(client);
  const refused = new Promise((resolve) => client.listOccupations({}, (error) => resolve(error)));
  expect(await refused).toMatchObject({
    details: expect.stringMatching(/not of a control plane that knows/),
  });
});

test('where the leader does not answer, the one that follows says so and when to ask again; then it leads itself', async () => {
  await execute(database.url, "UPDATE leadership SET grpc_address = '127.0.0.1:1', term = term + 1");
  const { status, retryAfter, text } = await ask(other, '/v1/workers');
  expect([status, retryAfter]).toEqual([503, '1']);
  expect(JSON.parse(text)).toMatchObject({
    code: 'NOT_LEADER',
    detail: expect.stringMatching(/does not lead.* at 127.0.0.1:1.*try again/),
  });
  await one.close();
  await leads(other);
  expect(JSON.parse((await ask(other, '/v1/workers')).text)).toMatchObject({ items: [{ state: 'lost' }] });
  await expect(register(other, 7002)).resolves.toMatchObject({ workerId: expect.any(String) });
  // One that comes back follows.
  one = await start();
  expect(one.leadership.isLeading).toBe(false);
});
