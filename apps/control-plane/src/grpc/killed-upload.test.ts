/** Whoever uploads is killed in the middle: the artifact is there whole, or nothing of it is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawSecret } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { folderStore, sha256Of } from '@triptych/storage';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRegistry, type WorkerRegistry } from '../registry/worker-registry.ts';
import { anyNumerics } from '../testing/numerics.ts';
import { createGrpcServer, type GrpcServer } from './create-grpc-server.ts';

const CHUNKS = 24;
const CHUNK_BYTES = 128 * 1024;
const whole = Buffer.concat(Array.from({ length: CHUNKS }, (_, index) => Buffer.alloc(CHUNK_BYTES, index)));
const sha256 = sha256Of(whole);
const uploader = fileURLToPath(new URL('./testing/uploader.mjs', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'killed-upload-'));
const store = folderStore(folder);
let registry: WorkerRegistry;
let server: GrpcServer;

beforeAll(async () => {
  const logger = createLogger({ name: 'test', level: 'silent' });
  registry = createRegistry({
    logger,
    store: { register: async () => {}, renew: async () => true, leave: async () => {} },
  });
  server = await createGrpcServer({ registry, store, logger, host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server.close(0);
  registry.close();
  rmSync(folder, { recursive: true });
});

const incoming = () => (existsSync(join(folder, '.incoming')) ? readdirSync(join(folder, '.incoming')) : []);
const children = new Set<ChildProcess>();

/** A worker that has just registered: its lease lasts seconds, which a busy machine may need for the start of a process. */
async function begin(sent: number): Promise<ChildProcess> {
  const worker = {
    ...{ address: '127.0.0.1:7000', pool: 'default', backend: 'wasm' as const, device: 'cpu', threads: 1 },
    ...{ memoryBytes: 1, version: '0.1.0', numerics: anyNumerics(), trainerSecret: drawSecret() },
  };
  const child = spawn(process.execPath, [uploader, String(server.port), String(CHUNKS), String(sent)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  await once(child.stdout!, 'data');
  const { leaseSecret } = await registry.register(worker, []);
  child.stdin!.write(`${leaseSecret}\n`);
  return child;
}

/** It has given all that it is to send to the operating system; rejects where it ends instead. */
const hasSent = async (child: ChildProcess): Promise<void> => {
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`It ended with ${code}`)));
  failed.catch(() => undefined);
  await Promise.race([once(child.stdout!, 'data'), failed]);
};

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
  children.delete(child);
}

test.each([0, 1, 12, 23])('after %d of 24 chunks: nothing is there, and nothing is left', async (sent) => {
  const child = await begin(sent);
  await hasSent(child);
  await expect.poll(incoming, { interval: 5 }).toHaveLength(1);
  await kill(child);
  await expect.poll(incoming, { interval: 5 }).toEqual([]);
  expect(await store.has(sha256)).toBe(false);
  expect(readdirSync(folder).filter((name) => !name.startsWith('.'))).toEqual([]);
});

test('in full flight, and with the last byte: all or nothing, and the next one gets it there', async () => {
  const moments: ((child: ChildProcess) => Promise<unknown>)[] = [
    // The receiver has made its file.
    () => expect.poll(incoming, { interval: 1 }).toHaveLength(1),
    hasSent,
  ];
  for (const moment of moments) {
    const child = await begin(CHUNKS);
    await moment(child);
    await kill(child);
    await expect.poll(incoming, { interval: 5 }).toEqual([]);
    if (await store.has(sha256)) expect(whole.equals(await store.get(sha256))).toBe(true);
  }
  const child = await begin(CHUNKS);
  await expect.poll(() => store.has(sha256)).toBe(true);
  await kill(child);
  expect(whole.equals(await store.get(sha256))).toBe(true);
  expect(incoming()).toEqual([]);
});
