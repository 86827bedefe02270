/** A fleet under mutual TLS trains while strangers knock at every port: none is let in, and the weights are the undisturbed ones. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { channelTo, control, type FleetRole, peer, type TlsIdentity, worker } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeCertificates } from '../apps/cli/src/certificates/certificate-folder.ts';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

const steps = 80;
let folder: string;
let service: Service;
let insider: TlsIdentity;

const settingsOf = (role: FleetRole) => ({
  TRIPTYCH_TLS_CA: join(folder, role, 'ca.pem'),
  TRIPTYCH_TLS_CERT: join(folder, role, 'cert.pem'),
  TRIPTYCH_TLS_KEY: join(folder, role, 'key.pem'),
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleet-certificates-'));
  await writeCertificates({ path: folder, days: 2 });
  const [ca, cert, key] = await Promise.all(
    Object.values(settingsOf('worker')).map((path) => readFile(path, 'utf8')),
  );
  insider = { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
  service = await startService({ workers: 0, backend: 'wasm', env: settingsOf('control-plane') });
  await Promise.all([0, 1].map(() => service.stack.addWorker({ env: settingsOf('worker') })));
});
afterAll(async () => {
  await service?.close();
  await rm(folder, { recursive: true, force: true });
});

type Knock = (done: (error: ServiceError | null) => void) => unknown;

/** The status with which a call is refused. */
const refusalOf = (knock: Knock): Promise<status | undefined> =>
  new Promise((resolve) => knock((error) => resolve(error?.code)));

test('the run ends as it would have, and every stranger is refused', async () => {
  const undisturbed = await service.run(tinySpec({ steps, workers: 1 }));
  const { id } = await service.client.runs.create(tinySpec({ steps, workers: 2 }));
  await service.reached(id, 10);
  const [victim, other] = service.stack.workers;
  const address = `127.0.0.1:${victim?.port}`;

  // With nothing: not even heard.
  const plain = new control.ControlClient(service.stack.grpcAddress, credentials.createInsecure());
  expect(await refusalOf((done) => plain.heartbeat(heartbeatOf(victim?.workerId), done))).toBe(
    status.UNAVAILABLE,
  );
  plain.close();

  // With a certificate of the fleet, but no secret of its.
  const inside = new control.ControlClient(service.stack.grpcAddress, ...channelTo('control-plane', insider));
  const trainer = new worker.TrainerClient(address, ...channelTo('worker', insider));
  const knocks: Record<string, Knock> = {
    'a registration without a join token': (done) => inside.register(control.RegisterRequest.create(), done),
    'a heartbeat for another': (done) => inside.heartbeat(heartbeatOf(victim?.workerId), done),
    'a leave for another': (done) => inside.leave({ workerId: String(other?.workerId), reason: 'go' }, done),
    'a stop with the highest token': (done) =>
      trainer.stop({ runId: id, attempt: 0, fencingToken: Number.MAX_SAFE_INTEGER, reason: '' }, done),
    'a training of an attempt to come': (done) => {
      const request = worker.TrainRequest.create({ runId: id, attempt: 2 ** 32 - 1, generation: 1 });
      const call = trainer.train({ ...request, fencingToken: Number.MAX_SAFE_INTEGER });
      call.on('error', done).on('data', () => undefined);
    },
    'a prediction': (done) =>
      trainer
        .predict(worker.PredictRequest.create())
        .on('error', done)
        .on('data', () => undefined),
  };
  for (const [what, knock] of Object.entries(knocks))
    expect([what, await refusalOf(knock)]).toEqual([what, status.UNAUTHENTICATED]);
  for (const generation of [0, 1]) expect(await linkAsRank(1, generation, address)).not.toBe(status.OK);
  inside.close();
  trainer.close();

  const disturbed = await service.finished(id);
  expect(undisturbed.weights?.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(disturbed).toMatchObject({
    ...{ status: 'SUCCEEDED', attempt: 1, generation: 1 },
    weights: { sha256: undisturbed.weights?.sha256 },
  });

  /** Says that it is a rank of the run, and proves nothing. */
  async function linkAsRank(rank: number, generation: number, to: string): Promise<status | undefined> {
    const metadata = new Metadata();
    const said = { run: id, attempt: 1, generation, 'from-rank': rank, 'to-rank': 0, 'world-size': 2 };
    for (const [key, value] of Object.entries(said)) metadata.set(`triptych-${key}`, String(value));
    metadata.set('triptych-proof', 'none');
    const client = new Client(to, ...channelTo('worker', insider));
    const { path, requestSerialize, responseDeserialize } = peer.PeerLinkService.send;
    const code = await refusalOf((done) =>
      client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata, done),
    );
    client.close();
    return code;
  }
});

test('what they know of each other is in no log', async () => {
  const token = (await readFile(join(service.stack.home, 'join-token'), 'utf8')).trim();
  const logs = await readdir(service.stack.logsPath);
  expect(logs.length).toBeGreaterThan(2);
  for (const log of logs) {
    const text = await readFile(join(service.stack.logsPath, log), 'utf8');
    // Secrets that are drawn are 43 letters long; nothing else that is logged is.
    expect(text.match(/(?<![\w-])[\w-]{43}(?![\w-])/g) ?? []).toEqual([]);
    for (const secret of [token, 'PRIVATE KEY']) expect(text).not.toContain(secret);
  }
});

const heartbeatOf = (workerId: string | undefined) =>
  control.HeartbeatRequest.create({ workerId: String(workerId) });
