import { createHash } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import { control, TriptychError } from '@triptych/protocol';
import type { ArtifactStore, ReadRange } from '@triptych/storage';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { grpcStore } from './artifacts.ts';
import { FakeControlPlane } from './testing/fake-control-plane.ts';

let plane: FakeControlPlane;
let client: control.ControlClient;
let store: ArtifactStore;

beforeEach(async () => {
  plane = new FakeControlPlane();
  await plane.start();
  client = new control.ControlClient(plane.address, credentials.createInsecure());
  store = grpcStore({ client });
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

describe('a control plane that is away', () => {
  /** Reads, and has the control plane killed and started again when the first piece has come. */
  async function readAcrossRestart(sha256: string, range: ReadRange = {}): Promise<Buffer> {
    vi.spyOn(plane.store, 'read').mockImplementationOnce(async function* () {
      yield large.subarray(0, 1_000_000);
      await new Promise(() => {});
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of store.read(sha256, range)) {
      if (pieces.push(piece) > 1) continue;
      plane.stop();
      await plane.start();
    }
    return Buffer.concat(pieces);
  }

  const breakPublishing = () =>
    new Promise<void>((resolve) => {
      vi.spyOn(plane.store, 'put').mockImplementationOnce(async (content) => {
        for await (const _ of content as AsyncIterable<Uint8Array>) break;
        plane.stop();
        resolve();
        return new Promise(() => {});
      });
    });

  test('and comes back: fetching goes on where it was broken off', async () => {
    const { sha256 } = await store.put(large);
    const read = vi.spyOn(plane.store, 'read');
    expect(Buffer.compare(await readAcrossRestart(sha256), large)).toBe(0);
    const offsets = read.mock.calls.map(([, range]) => range?.offset);
    expect(offsets[0]).toBe(0);
    expect(offsets[1]).toBeGreaterThan(0);
    expect(offsets).toHaveLength(2);
  });

  test('and comes back: a part is fetched without a gap and without repeating', async () => {
    const { sha256 } = await store.put(large);
    const part = await readAcrossRestart(sha256, { offset: 0, length: 1_000_005 });
    expect(Buffer.compare(part, large.subarray(0, 1_000_005))).toBe(0);
  });

  test('and comes back: publishing begins again', async () => {
    const broken = breakPublishing();
    const published = store.put(large);
    await broken;
    await plane.start();
    expect(await published).toEqual({ sha256: sha256Of(large), bytes: large.byteLength });
    expect(Buffer.compare(await plane.store.get(sha256Of(large)), large)).toBe(0);
  });

  test('and was so from the beginning: a worker that starts first waits', async () => {
    const { sha256 } = await store.put(large);
    plane.stop();
    const there = store.has(sha256);
    await plane.start();
    expect(await there).toBe(true);
  });

  test('and stays away is UNAVAILABLE when the window is over', async () => {
    plane.stop();
    const impatient = grpcStore({ client }, { windowMs: 150 });
    const began = performance.now();
    await expect(impatient.get('0'.repeat(64))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(impatient.put(large)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    // Timers may be a millisecond early.
    expect(performance.now() - began).toBeGreaterThanOrEqual(295);
  });

  test('and comes back: content that can be read only once is sent again, too', async () => {
    const broken = breakPublishing();
    async function* once() {
      yield large;
    }
    const published = store.put(once());
    await broken;
    await plane.start();
    expect(await published).toEqual({ sha256: sha256Of(large), bytes: large.byteLength });
  });

  test('is not waited for after an abort, nor is what it was doing', async () => {
    const stop = new AbortController();
    const reason = new TriptychError('CANCELLED', 'the run was cancelled');
    const aborted = grpcStore({ client }, { signal: stop.signal });
    vi.spyOn(plane.store, 'read').mockImplementation(async function* () {
      stop.abort(reason);
      await new Promise(() => {});
      yield large;
    });
    await expect(aborted.get(sha256Of(large))).rejects.toBe(reason);
    plane.stop();
    await expect(aborted.put(large)).rejects.toBe(reason);
    const later = new AbortController();
    const waiting = grpcStore({ client }, { signal: later.signal }).get(sha256Of(large));
    const refused = expect(waiting).rejects.toBe(reason);
    setImmediate(() => later.abort(reason));
    await refused;
  });

  test('answers that are no absence are not asked for again', async () => {
    const read = vi.spyOn(plane.store, 'read');
    await expect(store.get('0'.repeat(64))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(read).toHaveBeenCalledTimes(1);
  });
});
