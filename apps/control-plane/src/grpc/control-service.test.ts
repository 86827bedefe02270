/** The service over a real connection, as a worker sees it. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { control, drawSecret, presenting, secretKeys } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { folderStore, sha256Of } from '@triptych/storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRegistry, type WorkerRegistry } from '../registry/worker-registry.ts';
import { anyNumerics } from '../testing/numerics.ts';
import { createGrpcServer, type GrpcServer } from './create-grpc-server.ts';
import { fromServiceError } from './service-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'control-service-'));
const store = folderStore(folder);
let registry: WorkerRegistry;
let server: GrpcServer;
let client: control.ControlClient;
/** What calls show. */
let lease: string | undefined;
let isDatabaseAway = false;

beforeAll(async () => {
  const logger = createLogger({ name: 'test', level: 'silent' });
  const register = async () => {
    if (isDatabaseAway) throw new Error('password of postgres://triptych:secret@db refused');
  };
  registry = createRegistry({ logger, store: { register, renew: async () => true, leave: async () => {} } });
  server = await createGrpcServer({ registry, store, logger, host: '127.0.0.1', port: 0 });
  client = clientOf(server.port);
  await register();
});
afterAll(async () => {
  client.close();
  await server.close(0);
  registry.close();
  rmSync(folder, { recursive: true });
});

const clientOf = (port: number) =>
  new control.ControlClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
    interceptors: [presenting(secretKeys.lease, () => lease)],
  });

const registration: control.RegisterRequest = {
  ...{ workerId: '', address: ':7000', pool: 'default', backend: 'wasm', device: 'cpu', threads: 1 },
  ...{
    memoryBytes: 1,
    version: '0.1.0',
    assignments: [],
    numerics: anyNumerics(),
    trainerSecret: drawSecret(),
  },
};

const register = (request: Partial<control.RegisterRequest> = {}) =>
  new Promise<control.RegisterResponse>((resolve, reject) => {
    client.register({ ...registration, ...request }, (error, response) =>
      error ? reject(error) : resolve(response),
    );
  }).then((response) => {
    lease = response.leaseSecret;
    return response;
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

const promiseOf = (content: Uint8Array) => ({ sha256: sha256Of(content), bytes: content.byteLength });

const publish = (parts: readonly Uint8Array[], promised = promiseOf(Buffer.concat(parts))) =>
  new Promise<control.PublishArtifactResponse>((resolve, reject) => {
    const call = client.publishArtifact((error, response) => (error ? reject(error) : resolve(response)));
    call.write({ ...promised, content: Buffer.of() });
    for (const part of parts) call.write(message(part));
    call.end();
  });

const message = (content: Uint8Array): control.PublishArtifactRequest => ({
  content: Buffer.from(content),
  sha256: '',
  bytes: 0,
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
    lease = 'of a control plane before this one';
    const error = await failureOf(heartbeat('worker-nobody'));
    await register();
    expect(error.code).toBe(status.UNAUTHENTICATED);
    expect(fromServiceError(error, 'control plane')).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(error.details).toMatch(/register again/);
  });

  test('everything that is wrong with a registration is said at once', async () => {
    const error = await failureOf(register({ pool: 'no spaces', backend: 'abacus', threads: 0 }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    for (const path of ['/pool', '/backend', '/threads']) expect(error.details).toContain(path);
    expect((await failureOf(register({ address: 'nowhere' }))).details).toMatch(/address/);
  });

  test('a worker that does not say how it computes, or contradicts itself, is refused in words', async () => {
    await expect(register({ numerics: undefined, version: '0.0.9' })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(/numerics.*version "0\.0\.9".*release that the control plane/s),
    });
    await expect(register({ numerics: anyNumerics({ backend: 'cpu' }) })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('/numerics/backend'),
    });
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

  test('what has rotted is said to be corrupt, in part too once that is known, until it is sent again', async () => {
    const { sha256 } = await store.put(content);
    writeFileSync(join(folder, sha256.slice(0, 2), sha256.slice(2)), 'rotten');
    expect((await failureOf(fetch(sha256))).code).toBe(status.DATA_LOSS);
    expect((await failureOf(fetch(sha256, { offset: 0, length: 1 }))).code).toBe(status.DATA_LOSS);
    await publish([content]);
    expect((await fetch(sha256)).content.equals(content)).toBe(true);
  });

  test('what is not there is NOT_FOUND, what is no hash is invalid', async () => {
    expect((await failureOf(fetch('a'.repeat(64)))).code).toBe(status.NOT_FOUND);
    expect((await failureOf(fetch('../../etc/passwd'))).code).toBe(status.INVALID_ARGUMENT);
  });
});

describe('an upload that is cut', () => {
  const chunks = [0, 1, 2, 3].map((digit) => Buffer.alloc(200_000, digit + 65));
  const whole = Buffer.concat(chunks);
  const promised = promiseOf(whole);

  /** A connection that a test can break, between the worker and the control plane. */
  async function breakable(): Promise<{ port: number; sockets: Socket[]; close(): void }> {
    const sockets: Socket[] = [];
    const proxy: TcpServer = createServer((near) => {
      const far = connect(server.port, '127.0.0.1');
      for (const socket of [near, far]) socket.on('error', () => {});
      sockets.push(near, far);
      near.pipe(far);
      far.pipe(near);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as { port: number };
    return { port, sockets, close: () => proxy.close() };
  }

  const ways: Record<string, (cut: { call: { cancel(): void; end(): void }; sockets: Socket[] }) => void> = {
    'by RST': ({ sockets }) => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    'by FIN': ({ sockets }) => {
      for (const socket of sockets) socket.end();
    },
    'by being cancelled': ({ call }) => call.cancel(),
    'by a sender that says it is done': ({ call }) => call.end(),
  };
  const hashes = chunks.map((_, sent) => sha256Of(Buffer.concat(chunks.slice(0, sent))));

  test.each(Object.keys(ways).flatMap((way) => chunks.map((_, sent) => [way, sent] as const)))(
    '%s after %i of 4 chunks leaves nothing',
    async (way, sent) => {
      const wire = await breakable();
      const cut = clientOf(wire.port);
      const answer = new Promise<control.PublishArtifactResponse>((resolve, reject) => {
        const call = cut.publishArtifact((error, response) => (error ? reject(error) : resolve(response)));
        const received = () => incoming().length > 0;
        call.write({ ...promised, content: Buffer.of() });
        for (const chunk of chunks.slice(0, sent)) call.write(message(chunk));
        void expect
          .poll(received, { interval: 5 })
          .toBe(true)
          .then(() => ways[way]?.({ call, sockets: wire.sockets }));
      });
      await failureOf(answer);
      await expect.poll(incoming, { interval: 5 }).toEqual([]);
      expect(await store.has(promised.sha256)).toBe(false);
      expect(await store.has(hashes[sent] as string)).toBe(false);
      cut.close();
      for (const socket of wire.sockets) socket.destroy();
      wire.close();
    },
  );

  const incoming = () => readdirSync(join(folder, '.incoming'));

  test.each([
    ['other content', [Buffer.alloc(4, 66)], promiseOf(Buffer.alloc(4, 65))],
    ['more than was promised', chunks, { ...promised, bytes: 5 }],
    ['less than was promised', chunks.slice(1), promised],
  ])('%s is refused', async (_, parts, promise) => {
    const error = await failureOf(publish(parts, promise));
    expect(fromServiceError(error, 'control plane')).toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    expect(incoming()).toEqual([]);
  });

  test('one that the volume has no room for is refused as such, before it is sent', async () => {
    const error = await failureOf(publish([whole], { sha256: promised.sha256, bytes: 2 ** 52 }));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(fromServiceError(error, 'control plane')).toMatchObject({ code: 'STORAGE_FULL' });
    expect(incoming()).toEqual([]);
  });

  test('without a promise nothing is taken', async () => {
    for (const first of [message(chunks[0] as Buffer), message(Buffer.of())]) {
      const answer = new Promise((resolve, reject) => {
        const call = client.publishArtifact((error, response) => (error ? reject(error) : resolve(response)));
        call.write(first);
        call.end();
      });
      expect((await failureOf(answer)).details).toMatch(/first message of an upload.*sha256/);
    }
    expect(incoming()).toEqual([]);
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
