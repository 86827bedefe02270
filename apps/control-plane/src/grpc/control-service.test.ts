/** The service over a real connection, as a worker sees it. */
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { control } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { memoryStore, sha256Of } from '@triptych/storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRegistry, type WorkerRegistry } from '../registry/worker-registry.ts';
import { createGrpcServer, type GrpcServer } from './create-grpc-server.ts';
import { fromServiceError } from './service-error.ts';

const store = memoryStore();
let registry: WorkerRegistry;
let server: GrpcServer;
let client: control.ControlClient;
let isDatabaseAway = false;

beforeAll(async () => {
  const logger = createLogger({ name: 'test', level: 'silent' });
  const register = async () => {
    if (isDatabaseAway) throw new Error('password of postgres://triptych:secret@db refused');
  };
  registry = createRegistry({ logger, store: { register, renew: async () => true, leave: async () => {} } });
  server = await createGrpcServer({ registry, store, logger, host: '127.0.0.1', port: 0 });
  client = new control.ControlClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await server.close(0);
  registry.close();
});

const registration: control.RegisterRequest = {
  ...{ workerId: '', address: ':7000', pool: 'default', backend: 'wasm', device: 'cpu', threads: 1 },
  ...{ memoryBytes: 1, version: '0.1.0', assignments: [] },
};

const register = (request: Partial<control.RegisterRequest> = {}) =>
  new Promise<control.RegisterResponse>((resolve, reject) => {
    client.register({ ...registration, ...request }, (error, response) =>
      error ? reject(error) : resolve(response),
    );
  });

const heartbeat = (workerId: string) =>
  new Promise<control.HeartbeatResponse>((resolve, reject) => {
    const request = { workerId, assignments: [], memoryUsedBytes: 1, eventLoopLagMs: 0, draining: false };
    client.heartbeat(request, (error, response) => (error ? reject(error) : resolve(response)));
  });

const fetch = async (sha256: string, range = { offset: 0, length: 0 }) => {
  const chunks: Buffer[] = [];
  for await (const { content } of client.fetchArtifact({ sha256, ...range })) chunks.push(content);
  return { content: Buffer.concat(chunks), chunks };
};

const publish = (parts: readonly Uint8Array[]) =>
  new Promise<control.PublishArtifactResponse>((resolve, reject) => {
    const call = client.publishArtifact((error, response) => (error ? reject(error) : resolve(response)));
    for (const part of parts) call.write({ content: Buffer.from(part) });
    call.end();
  });

const failureOf = (answer: Promise<unknown>): Promise<ServiceError> =>
  answer.then(
    () => expect.unreachable('the call succeeded'),
    (error: ServiceError) => error,
  );

describe('leases', () => {
  test('a worker without a host is called back where its connection comes from', async () => {
    const { workerId } = await register();
    expect(registry.fleet().find(({ id }) => id === workerId)?.address).toBe('127.0.0.1:7000');
    expect((await heartbeat(workerId)).leaseMs).toBeGreaterThan(1000);
  });

  test('an unknown worker is told to register, with the code in the trailer', async () => {
    const error = await failureOf(heartbeat('worker-nobody'));
    expect(error.code).toBe(status.NOT_FOUND);
    expect(fromServiceError(error, 'control plane')).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('everything that is wrong with a registration is said at once', async () => {
    const error = await failureOf(register({ pool: 'no spaces', backend: 'abacus', threads: 0 }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    for (const path of ['/pool', '/backend', '/threads']) expect(error.details).toContain(path);
    expect((await failureOf(register({ address: 'nowhere' }))).details).toMatch(/address/);
  });

  test('the words of an inner failure stay inside', async () => {
    isDatabaseAway = true;
    const error = await failureOf(register());
    isDatabaseAway = false;
    expect(error.code).toBe(status.INTERNAL);
    expect(error.details).not.toMatch(/secret/);
  });
});

describe('artifacts', () => {
  const content = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 7919) % 251));

  test('go up in parts and come down whole, in chunks below 1 MiB', async () => {
    const published = await publish([content.subarray(0, 1_000_000), content.subarray(1_000_000)]);
    expect(published).toEqual({ sha256: sha256Of(content), bytes: content.length });
    const fetched = await fetch(published.sha256);
    expect(fetched.content.equals(content)).toBe(true);
    expect(Math.max(...fetched.chunks.map(({ length }) => length))).toBeLessThanOrEqual(1024 * 1024);
  });

  test('a range is a part, length 0 is the rest', async () => {
    const { sha256 } = await store.put(content);
    expect((await fetch(sha256, { offset: 10, length: 20 })).content.equals(content.subarray(10, 30))).toBe(
      true,
    );
    expect((await fetch(sha256, { offset: 2_999_990, length: 0 })).content.length).toBe(10);
  });

  test('what is not there is NOT_FOUND, what is no hash is invalid', async () => {
    expect((await failureOf(fetch('a'.repeat(64)))).code).toBe(status.NOT_FOUND);
    expect((await failureOf(fetch('../../etc/passwd'))).code).toBe(status.INVALID_ARGUMENT);
  });
});

test('an error that says nothing gets the nearest code', () => {
  const bare = Object.assign(new Error('x'), {
    code: status.DEADLINE_EXCEEDED,
    details: 'late',
    metadata: new Metadata(),
  });
  expect(fromServiceError(bare, 'Worker w')).toMatchObject({
    code: 'UNAVAILABLE',
    message: 'Worker w: late',
  });
});
