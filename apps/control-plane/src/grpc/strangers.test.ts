/** Who is not let in on the control plane's and the worker's port, and that nobody else feels it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, Metadata, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { control, drawSecret, guarding, secretKeys, worker } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { folderStore, sha256Of } from '@triptych/storage';
import { type Trainer, trainerChecks, trainerService } from '@triptych/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRegistry, type WorkerRegistry } from '../registry/worker-registry.ts';
import { anyNumerics } from '../testing/numerics.ts';
import { createGrpcServer, type GrpcServer } from './create-grpc-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'strangers-'));
const store = folderStore(folder);
const said: string[] = [];
const logger = createLogger({ name: 'test', stream: { write: (line) => said.push(line) } });
const tokens = ['the-old-join-token', 'the-new-join-token'];
let registry: WorkerRegistry;
let server: GrpcServer;
let client: control.ControlClient;

beforeAll(async () => {
  registry = createRegistry({
    logger,
    store: { register: async () => {}, renew: async () => true, leave: async () => {} },
  });
  const listening = { host: '127.0.0.1', port: 0, joinTokens: tokens };
  server = await createGrpcServer({ registry, store, logger, ...listening });
  client = new control.ControlClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await server.close(0);
  registry.close();
  rmSync(folder, { recursive: true });
});

const showing = (key: string, ...values: string[]): Metadata => {
  const metadata = new Metadata();
  for (const value of values) metadata.add(key, value);
  return metadata;
};

type Answer<T> = (error: ServiceError | null, response: T) => void;
const answerTo = <T>(ask: (answer: Answer<T>) => unknown): Promise<T> =>
  new Promise((resolve, reject) => {
    ask((error, response) => (error ? reject(error) : resolve(response)));
  });

interface Entered {
  readonly workerId: string;
  readonly lease: Metadata;
  readonly trainerSecret: string;
}

async function enter(
  fields: Partial<control.RegisterRequest> = {},
  metadata = showing(secretKeys.join, 'the-new-join-token'),
): Promise<Entered> {
  const request = {
    ...{ workerId: '', address: ':7000', pool: 'default', backend: 'wasm', device: 'cpu', threads: 1 },
    ...{
      memoryBytes: 1,
      version: '0.1.0',
      assignments: [],
      trainerSecret: drawSecret(),
      numerics: anyNumerics(),
    },
    ...fields,
  };
  const { workerId, leaseSecret } = await answerTo<control.RegisterResponse>((answer) =>
    client.register(request, metadata, answer),
  );
  return { workerId, lease: showing(secretKeys.lease, leaseSecret), trainerSecret: request.trainerSecret };
}

const heartbeat = (workerId: string, metadata: Metadata) =>
  answerTo<control.HeartbeatResponse>((answer) =>
    client.heartbeat(
      { workerId, assignments: [], memoryUsedBytes: 1, eventLoopLagMs: 0, draining: false },
      metadata,
      answer,
    ),
  );

const refused = (call: Promise<unknown>, code = status.UNAUTHENTICATED) =>
  expect(call).rejects.toMatchObject({ code });

test('without a join token, or with a wrong one, nobody registers, and the setting is named', async () => {
  const before = registry.size;
  for (const metadata of [
    new Metadata(),
    showing(secretKeys.join, 'the-wrong-token'),
    showing(secretKeys.join, ...Array.from({ length: 9 }, (_, index) => `guess-${index}`), ...tokens),
  ]) {
    const call = enter({}, metadata);
    await refused(call);
    await expect(call).rejects.toThrow(/TRIPTYCH_JOIN_TOKEN/);
  }
  expect(registry.size).toBe(before);
  // While it is being replaced, either does, also beside one that is not known any more.
  for (const token of tokens)
    await enter({ address: ':7001' }, showing(secretKeys.join, 'gone-token', token));
});

test('every other call is of a worker with a lease, and speaks for that worker alone', async () => {
  const mine = await enter({ address: ':7010' });
  const theirs = await enter({ address: ':7011' });
  await heartbeat(theirs.workerId, theirs.lease);
  for (const metadata of [new Metadata(), showing(secretKeys.lease, drawSecret()), mine.lease]) {
    await refused(heartbeat(theirs.workerId, metadata));
    await refused(
      answerTo((answer) => client.leave({ workerId: theirs.workerId, reason: 'go' }, metadata, answer)),
    );
  }
  expect(registry.isAlive(theirs.workerId)).toBe(true);
  await heartbeat(theirs.workerId, theirs.lease);
});

test('artifacts are for workers with a lease', async () => {
  const content = Buffer.from('weights');
  const { sha256 } = await store.put(content);
  const { lease } = await enter({ address: ':7020' });
  const fetch = async (metadata: Metadata) => {
    const chunks: Buffer[] = [];
    for await (const chunk of client.fetchArtifact({ sha256, offset: 0, length: 0 }, metadata))
      chunks.push((chunk as control.ArtifactChunk).content);
    return Buffer.concat(chunks);
  };
  expect(await fetch(lease)).toEqual(content);
  const other = Buffer.from('planted');
  const publish = (metadata: Metadata) =>
    answerTo((answer) => {
      const call = client.publishArtifact(metadata, answer);
      call.write({ sha256: sha256Of(other), bytes: other.length, content: Buffer.of() });
      call.write({ sha256: '', bytes: 0, content: other });
      call.end();
    });
  for (const metadata of [new Metadata(), showing(secretKeys.lease, 'guessed')]) {
    await refused(fetch(metadata));
    await refused(publish(metadata));
  }
  expect(await store.has(sha256Of(other))).toBe(false);
});

test('an id belongs to the process that has it: its lease is replaced when that registers again, and no other can', async () => {
  const first = await enter({ address: ':7030' });
  await refused(enter({ workerId: first.workerId, address: ':7030' }));
  await heartbeat(first.workerId, first.lease);
  const { workerId, trainerSecret } = first;
  const again = await enter({ workerId, trainerSecret, address: ':7030' });
  expect(again.workerId).toBe(workerId);
  await refused(heartbeat(workerId, first.lease));
  await heartbeat(workerId, again.lease);
});

async function* nothing(): AsyncGenerator<never> {}

/** The trainer's port of a worker that trains nothing, and counts what got through. */
async function listenAsWorker(secret: string) {
  const asked: string[] = [];
  const trainer = {
    stop: async () => {
      asked.push('stop');
      return { wasRunning: false };
    },
    train: () => {
      asked.push('train');
      return nothing();
    },
    predict: () => {
      asked.push('predict');
      return nothing();
    },
  } as unknown as Trainer;
  const grpc = new Server({ interceptors: [guarding(trainerChecks(secret))] });
  grpc.addService(worker.TrainerService, trainerService({ trainer, secret, logger }));
  const port = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { asked, port, close: () => grpc.forceShutdown() };
}

test('an address with a worker that is alive is nobody else’s; one that was killed is replaced at once', async () => {
  const secret = drawSecret();
  const process = await listenAsWorker(secret);
  const address = `127.0.0.1:${process.port}`;
  const first = await enter({ address, trainerSecret: secret });
  const call = enter({ address });
  await refused(call, status.FAILED_PRECONDITION);
  await expect(call).rejects.toThrow(/TRIPTYCH_WORKER_ADVERTISE/);
  await heartbeat(first.workerId, first.lease);

  // The same process, which never heard what it is called, is not in its own way.
  const second = await enter({ address, trainerSecret: secret });
  await refused(heartbeat(first.workerId, first.lease));
  process.close();
  const successor = await enter({ address });
  await refused(heartbeat(second.workerId, second.lease));
  await heartbeat(successor.workerId, successor.lease);
});

test('what answers at an address and is no worker keeps nobody from it', async () => {
  const mute = createServer(() => undefined);
  const port = await new Promise<number>((resolve) =>
    mute.listen(0, '127.0.0.1', () => resolve((mute.address() as { port: number }).port)),
  );
  await enter({ address: `127.0.0.1:${port}` });
  await enter({ address: `127.0.0.1:${port}` });
  mute.close();
});

test('only its control plane may call a trainer, whatever the call says', async () => {
  const secret = drawSecret();
  const { asked, port, close } = await listenAsWorker(secret);
  const trainer = new worker.TrainerClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const huge = { attempt: 2 ** 32 - 1, fencingToken: Number.MAX_SAFE_INTEGER };
  const stop = (metadata: Metadata) =>
    answerTo((answer) => trainer.stop({ runId: 'run', reason: '', ...huge }, metadata, answer));
  const drain = async (call: AsyncIterable<unknown>) => {
    for await (const _ of call);
  };
  const train = (metadata: Metadata) =>
    drain(trainer.train(worker.TrainRequest.create({ runId: 'run', ...huge }), metadata));
  const predict = (metadata: Metadata) => drain(trainer.predict(worker.PredictRequest.create(), metadata));
  for (const metadata of [
    new Metadata(),
    showing(secretKeys.trainer, drawSecret()),
    showing(secretKeys.trainer, ''),
  ])
    for (const call of [stop, train, predict]) await refused(call(metadata));
  expect(asked).toEqual([]);
  for (const call of [stop, train, predict]) await call(showing(secretKeys.trainer, secret));
  expect(asked).toEqual(['stop', 'train', 'predict']);
  trainer.close();
  close();
});

test.each(['0.0.0.0', '::', '10.0.0.1', 'control-plane'])(
  'workers of other machines (%s) are not listened for without a join token, unless that is asked for',
  async (host) => {
    const open = createGrpcServer({ registry, store, logger, host, port: 0 });
    await expect(open).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    for (const setting of ['TRIPTYCH_JOIN_TOKEN', 'TRIPTYCH_AUTH=off'])
      await expect(open).rejects.toThrow(setting);
  },
);

test.each(['127.0.0.1', '::1', '[::1]', 'localhost'])('on %s nobody must be asked', async (host) => {
  const open = await createGrpcServer({ registry, store, logger, host, port: 0 });
  await open.close(0);
});

test('secrets are not logged', () => {
  expect(said.length).toBeGreaterThan(5);
  for (const secret of [...tokens, ...registry.fleet().map(({ id }) => registry.contact(id)?.trainerSecret)])
    expect(said.join('\n')).not.toContain(secret);
});
