import { createHash } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import { control } from '@triptych/protocol';
import type { ArtifactStore } from '@triptych/storage';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { grpcStore } from './artifacts.ts';
import { FakeControlPlane } from './testing/fake-control-plane.ts';

let plane: FakeControlPlane;
let client: control.ControlClient;
let store: ArtifactStore;

beforeEach(async () => {
  plane = new FakeControlPlane();
  await plane.start();
  client = new control.ControlClient(plane.address, credentials.createInsecure());
  store = grpcStore(client);
});

afterEach(() => {
  client.close();
  plane.stop();
});

const sha256Of = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
const large = new Uint8Array(3 * 1024 * 1024 + 7).map((_, i) => i * 31);

async function bytesOf(content: AsyncIterable<Uint8Array>): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of content) bytes.push(...chunk);
  return bytes;
}

test('what is put comes back, whole and in parts', async () => {
  const stored = await store.put(large);
  expect(stored).toEqual({ sha256: sha256Of(large), bytes: large.byteLength });
  expect(Buffer.compare(await store.get(stored.sha256), large)).toBe(0);
  expect(await bytesOf(store.read(stored.sha256, { offset: 10, length: 5 }))).toEqual([
    ...large.subarray(10, 15),
  ]);
  expect(await bytesOf(store.read(stored.sha256, { offset: 10, length: 0 }))).toEqual([]);
  expect(await bytesOf(store.read(stored.sha256, { offset: large.byteLength - 2 }))).toEqual([
    ...large.subarray(-2),
  ]);
  expect(await store.size(stored.sha256)).toBe(large.byteLength);
});

test('a stream is put piece by piece', async () => {
  async function* pieces() {
    yield large.subarray(0, 1_000_000);
    yield large.subarray(1_000_000);
  }
  expect(await store.put(pieces())).toEqual({ sha256: sha256Of(large), bytes: large.byteLength });
});

test('a source that fails while it is put leaves nothing behind', async () => {
  async function* broken() {
    yield large.subarray(0, 10);
    throw new Error('disk gone');
  }
  await expect(store.put(broken())).rejects.toThrow('disk gone');
  expect(await store.has(sha256Of(large.subarray(0, 10)))).toBe(false);
});

test('empty content is content', async () => {
  const { sha256 } = await store.put(new Uint8Array());
  expect(await store.has(sha256)).toBe(true);
  expect(await store.get(sha256)).toHaveLength(0);
});

test('what is not there is NOT_FOUND', async () => {
  const sha256 = '0'.repeat(64);
  expect(await store.has(sha256)).toBe(false);
  await expect(store.get(sha256)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('content that does not have its hash is ARTIFACT_CORRUPT', async () => {
  const { sha256 } = await store.put(large);
  vi.spyOn(plane.store, 'read').mockImplementation(async function* () {
    yield large.subarray(1);
  });
  await expect(store.get(sha256)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
});

test('a control plane that is away is UNAVAILABLE', async () => {
  plane.stop();
  await expect(store.get('0'.repeat(64))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
