/** The contract of ArtifactStore, looped over every implementation. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArtifactStore, type CollectableStore, type ReadRange, sha256Of } from './artifact-store.ts';
import { cachedStore } from './cached-store.ts';
import { folderStore } from './folder-store.ts';
import { memoryStore } from './memory-store.ts';

const implementations: Record<string, (folder: string) => ArtifactStore> = {
  folder: (folder) => folderStore(folder),
  memory: () => memoryStore(),
  'folder before memory': (folder) => cachedStore(folderStore(folder), memoryStore()),
};

// Two chunks and a bit, so that ranges cross a chunk's edge.
const content = Uint8Array.from({ length: 2 * 1024 * 1024 + 17 }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
const sha256 = createHash('sha256').update(content).digest('hex');
const absent = '0'.repeat(64);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'triptych-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe.each(Object.entries(implementations))('%s store', (_name, create) => {
  async function collect(store: ArtifactStore, range?: ReadRange, hash = sha256): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.read(hash, range)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  it('gives back what was put, under its sha256', async () => {
    const store = create(folder);
    expect(await store.has(sha256)).toBe(false);
    expect(await store.put(content)).toEqual({ sha256, bytes: content.byteLength });
    expect(await store.has(sha256)).toBe(true);
    expect(await store.size(sha256)).toBe(content.byteLength);
    const read = await store.get(sha256);
    expect(Buffer.compare(read, content)).toBe(0);
    expect(read.byteOffset % 8).toBe(0);
  });

  it('takes what was promised, and leaves nothing of anything else', async () => {
    const store = create(folder);
    const promised = { sha256, bytes: content.byteLength };
    const streamed = async function* (bytes: Uint8Array) {
      for (let at = 0; at < bytes.byteLength; at += 100_000) yield bytes.subarray(at, at + 100_000);
    };
    const cut = content.subarray(0, -1);
    const other = content.map((byte) => byte ^ 1);
    const more = new Uint8Array(content.byteLength + 1);
    for (const wrong of [cut, other, more, new Uint8Array()]) {
      for (const sent of [wrong, streamed(wrong)])
        await expect(store.put(sent, promised)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
      expect(await store.has(sha256Of(wrong))).toBe(false);
    }
    expect(await store.has(sha256)).toBe(false);
    expect(await store.put(streamed(content), promised)).toEqual(promised);
  });

  it('takes a stream whose producer reuses its buffer', async () => {
    const store = create(folder);
    async function* reusing(): AsyncGenerator<Uint8Array> {
      const buffer = new Uint8Array(100_000);
      for (let at = 0; at < content.byteLength; at += buffer.byteLength) {
        const piece = content.subarray(at, at + buffer.byteLength);
        buffer.set(piece);
        yield buffer.subarray(0, piece.byteLength);
      }
    }
    expect(await store.put(reusing())).toEqual({ sha256, bytes: content.byteLength });
    expect(Buffer.compare(await store.get(sha256), content)).toBe(0);
  });

  it('keeps the empty content', async () => {
    const store = create(folder);
    const stored = await store.put(new Uint8Array());
    expect(stored.sha256).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect((await store.get(stored.sha256)).byteLength).toBe(0);
  });

  it.each<[ReadRange, number, number]>([
    [{}, 0, content.byteLength],
    [{ offset: 5 }, 5, content.byteLength],
    [{ length: 7 }, 0, 7],
    [{ length: 0 }, 0, 0],
    [{ offset: 1024 * 1024 - 3, length: 9 }, 1024 * 1024 - 3, 1024 * 1024 + 6],
    [{ offset: content.byteLength - 2, length: 100 }, content.byteLength - 2, content.byteLength],
    [{ offset: content.byteLength + 10, length: 5 }, 0, 0],
  ])('reads the range %o', async (range, start, end) => {
    const store = create(folder);
    await store.put(content);
    expect(Buffer.compare(await collect(store, range), content.subarray(start, end))).toBe(0);
  });

  it('refuses ranges and hashes that are none', async () => {
    const store = create(folder);
    await store.put(content);
    await expect(collect(store, { offset: -1 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(collect(store, { length: 1.5 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(store.get('../../etc/passwd')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(store.has(sha256.toUpperCase())).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('says NOT_FOUND for what it does not have', async () => {
    const store = create(folder);
    await expect(store.get(absent)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(store.size(absent)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(collect(store, {}, absent)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('keeps nothing of a stream that fails, and passes its error on', async () => {
    const store = create(folder);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield content.subarray(0, 1000);
      throw new Error('the source broke');
    }
    await expect(store.put(failing())).rejects.toThrow('the source broke');
    const prefix = createHash('sha256').update(content.subarray(0, 1000)).digest('hex');
    expect(await store.has(prefix)).toBe(false);
  });

  it('is not disturbed by the same content put many times at once', async () => {
    const store = create(folder);
    const stored = await Promise.all(Array.from({ length: 20 }, () => store.put(content)));
    expect(new Set(stored.map((s) => s.sha256))).toEqual(new Set([sha256]));
    expect(Buffer.compare(await store.get(sha256), content)).toBe(0);
  });
});

const collectable: Record<string, (folder: string) => CollectableStore> = {
  folder: (path) => folderStore(path),
  memory: () => memoryStore(),
};

describe.each(Object.entries(collectable))('%s store, of which something is taken away', (_name, create) => {
  const later = () => new Date(Date.now() + 1000);
  const before = new Date(Date.now() - 60_000);
  const all = async (store: CollectableStore) => {
    const found: string[] = [];
    for await (const entry of store.entries()) found.push(entry.sha256);
    return found.sort();
  };

  it('lists what is there, with sizes and times', async () => {
    const store = create(folder);
    expect(await all(store)).toEqual([]);
    const { sha256: empty } = await store.put(new Uint8Array());
    await store.put(content);
    expect(await all(store)).toEqual([sha256, empty].sort());
    for await (const entry of store.entries()) {
      if (entry.sha256 === sha256) expect(entry.bytes).toBe(content.byteLength);
      expect(entry.usedAt > before && entry.usedAt < later()).toBe(true);
    }
  });

  it('takes away what was not used since, and that alone', async () => {
    const store = create(folder);
    await store.put(content);
    expect(await store.remove(sha256, before)).toBeUndefined();
    expect(Buffer.compare(await store.get(sha256), content)).toBe(0);
    expect(await store.remove(sha256, later())).toBe(content.byteLength);
    expect(await store.has(sha256)).toBe(false);
    expect(await store.remove(sha256, later())).toBeUndefined();
    expect(await store.renew(sha256)).toBe(false);
    await store.put(content);
    expect(Buffer.compare(await store.get(sha256), content)).toBe(0);
  });
});
