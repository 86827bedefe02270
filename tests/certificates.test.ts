/** Mutual TLS as an operator meets it: the files of `triptych certificates`, what is said of wrong ones, and who gets through. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { channelTo, control, type FleetRole, type TlsIdentity } from '@triptych/protocol';
import {
  certificateEnds,
  createLogger,
  FleetSettings,
  readEnvironment,
  readJoinTokens,
  readTls,
  watchCertificates,
} from '@triptych/runtime';
import { memoryStore } from '@triptych/storage';
import { Type } from 'typebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeCertificates } from '../apps/cli/src/certificates/certificate-folder.ts';
import { createGrpcServer, type GrpcServer } from '../apps/control-plane/src/grpc/create-grpc-server.ts';
import { createRegistry, type WorkerRegistry } from '../apps/control-plane/src/registry/worker-registry.ts';

const root = mkdtempSync(join(tmpdir(), 'fleet-tls-'));
const at = (...names: string[]) => join(root, ...names);
const DAY_MS = 86_400_000;
const said: string[] = [];
const logger = createLogger({ name: 'test', stream: { write: (line) => said.push(line) } });
let registry: WorkerRegistry;
let server: GrpcServer;

const settingsOf = (folder: string, role: FleetRole) => ({
  TRIPTYCH_TLS_CA: at(folder, role, 'ca.pem'),
  TRIPTYCH_TLS_CERT: at(folder, role, 'cert.pem'),
  TRIPTYCH_TLS_KEY: at(folder, role, 'key.pem'),
});
const days = (count: number) => new Date(Date.now() + count * DAY_MS);
const identityOf = (folder: string, role: FleetRole, now = new Date()) =>
  readTls(settingsOf(folder, role), { role, now }) as TlsIdentity;

beforeAll(async () => {
  await writeCertificates({ path: at('ours'), days: 30 });
  await writeCertificates({ path: at('foreign'), days: 30 });
  await writeCertificates({ path: at('over'), days: 1, now: days(-100) });
  registry = createRegistry({
    logger,
    store: { register: async () => {}, renew: async () => true, leave: async () => {} },
  });
  server = await createGrpcServer({
    ...{ registry, logger, store: memoryStore(), host: '127.0.0.1', port: 0 },
    tls: identityOf('ours', 'control-plane'),
  });
});
afterAll(async () => {
  await server.close(0);
  registry.close();
  rmSync(root, { recursive: true });
});

describe('the three files', () => {
  const ours = () => settingsOf('ours', 'worker');

  test('all: read; none: no TLS; one or two: an error that names those that are missing', () => {
    expect(identityOf('ours', 'worker').key).toContain('PRIVATE KEY');
    expect(readTls({}, { role: 'worker' })).toBeUndefined();
    const { TRIPTYCH_TLS_CA, TRIPTYCH_TLS_CERT } = ours();
    for (const some of [{ TRIPTYCH_TLS_CA }, { TRIPTYCH_TLS_CA, TRIPTYCH_TLS_CERT }])
      expect(() => readTls(some, { role: 'worker' })).toThrow(/TRIPTYCH_TLS_KEY.*mutual TLS/);
  });

  test('wrong ones are refused at the start, with what is wrong and what to do', () => {
    writeFileSync(at('nonsense.pem'), 'nonsense');
    const worker = settingsOf('ours', 'worker');
    const foreign = settingsOf('foreign', 'worker');
    const cases: [object, Date, RegExp][] = [
      [worker, days(40), /TRIPTYCH_TLS_CERT.*expired at/],
      [worker, days(-1), /TRIPTYCH_TLS_CERT.*begins at/],
      [settingsOf('ours', 'control-plane'), days(0), /DNS:worker\.triptych.*DNS:control-plane\.triptych/],
      [
        { ...worker, TRIPTYCH_TLS_KEY: foreign.TRIPTYCH_TLS_KEY },
        days(0),
        /TRIPTYCH_TLS_KEY.*another certificate/,
      ],
      [{ ...worker, TRIPTYCH_TLS_CA: foreign.TRIPTYCH_TLS_CA }, days(0), /TRIPTYCH_TLS_CERT.*another CA/],
      [{ ...worker, TRIPTYCH_TLS_CERT: at('nonsense.pem') }, days(0), /TRIPTYCH_TLS_CERT.*PEM/],
      [{ ...worker, TRIPTYCH_TLS_CA: at('nowhere.pem') }, days(0), /TRIPTYCH_TLS_CA.*ENOENT/],
    ];
    for (const [settings, now, complaint] of cases) {
      const read = () => readTls(settings, { role: 'worker', now });
      expect(read).toThrow(complaint);
      expect(read).toThrow(/triptych certificates --out/);
    }
  });

  test('an end that is near is said in good time', () => {
    const warnings = () => said.filter((line) => line.includes('certificate-expires'));
    const ends = certificateEnds(identityOf('ours', 'worker'));
    watchCertificates(ends, { logger, now: () => days(1) })[Symbol.dispose]();
    expect(warnings()).toEqual([]);
    watchCertificates(ends, { logger, now: () => days(20) })[Symbol.dispose]();
    expect(warnings().join()).toMatch(/TRIPTYCH_TLS_CERT expires in \d days/);
  });
});

describe('a server with certificates', () => {
  /** The status with which a heartbeat ends. */
  const knock = async (...channel: Parameters<typeof controlClient>) => {
    const client = controlClient(...channel);
    const request = control.HeartbeatRequest.create({ workerId: 'w' });
    const error = await new Promise<ServiceError | null>((resolve) => {
      client.heartbeat(request, new Metadata(), { deadline: Date.now() + 10_000 }, resolve);
    });
    client.close();
    return error?.code;
  };
  const controlClient = (...channel: ReturnType<typeof channelTo>) =>
    new control.ControlClient(`127.0.0.1:${server.port}`, ...channel);
  const overridden = { 'grpc.ssl_target_name_override': 'control-plane.triptych' };
  const unchecked = (folder: string) => {
    const read = (name: string) => identityOfFiles(folder)[name as keyof TlsIdentity];
    return { ca: identityOf('ours', 'worker').ca, cert: read('cert'), key: read('key') };
  };
  const identityOfFiles = (folder: string) =>
    identityOf(folder, 'worker', folder === 'over' ? days(-99.5) : new Date());

  test('speaks to workers of its fleet, who then need a lease', async () => {
    expect(await knock(...channelTo('control-plane', identityOf('ours', 'worker')))).toBe(
      status.UNAUTHENTICATED,
    );
  });

  test('does not speak to anybody else', async () => {
    const ca = Buffer.from(identityOf('ours', 'worker').ca);
    const strangers = {
      'a plain client': channelTo('control-plane', undefined),
      'one of another CA': channelTo('control-plane', unchecked('foreign')),
      'one whose certificate is over': channelTo('control-plane', unchecked('over')),
      'one without a certificate': [credentials.createSsl(ca), overridden] as ReturnType<typeof channelTo>,
    };
    for (const [stranger, channel] of Object.entries(strangers))
      expect([stranger, await knock(...channel)]).toEqual([stranger, status.UNAVAILABLE]);
  });

  test('is spoken to by those who believe its CA, and only as what it is', async () => {
    expect(await knock(...channelTo('control-plane', identityOf('foreign', 'worker')))).toBe(
      status.UNAVAILABLE,
    );
    expect(await knock(...channelTo('worker', identityOf('ours', 'worker')))).toBe(status.UNAVAILABLE);
  });
});

describe('join tokens', () => {
  const read = (variables: Record<string, string>) =>
    readJoinTokens(readEnvironment(Type.Object(FleetSettings), variables));

  test('come from the setting or from a file, several at once', () => {
    writeFileSync(at('tokens'), 'first\n\n second \n');
    expect(read({ TRIPTYCH_JOIN_TOKEN_FILE: at('tokens') })).toEqual(['first', 'second']);
    expect(read({ TRIPTYCH_JOIN_TOKEN: 'first, second' })).toEqual(['first', 'second']);
    expect(read({})).toEqual([]);
  });

  test('what is none is refused without being repeated', () => {
    writeFileSync(at('empty'), '\n');
    for (const settings of [
      { TRIPTYCH_JOIN_TOKEN: 'hush hush' },
      { TRIPTYCH_JOIN_TOKEN: 'hush-é' },
      { TRIPTYCH_JOIN_TOKEN: ',' },
      { TRIPTYCH_JOIN_TOKEN: 'hush', TRIPTYCH_JOIN_TOKEN_FILE: at('tokens') },
      { TRIPTYCH_JOIN_TOKEN_FILE: at('empty') },
      { TRIPTYCH_JOIN_TOKEN_FILE: at('nowhere') },
    ]) {
      expect(() => read(settings)).toThrow(/TRIPTYCH_JOIN_TOKEN/);
      expect(() => read(settings)).not.toThrow(/hush/);
    }
  });
});
