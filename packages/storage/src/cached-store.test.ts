import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArtifactStore, sha256Of } from './artifact-store.ts';
import { cachedStore } from './cached-store.ts';
import { folderStore } from './folder-store.ts';
import { memoryStore } from './memory-store.ts';

const content = new TextEncoder().encode('three small green triangles above a large circle');
const sha256 = sha256Of(content);

/** Counts what crosses to the far store; `lie` replaces what it sends. */
function countingStore(lie?: Uint8Array) {
  const store = memoryStore();
  const calls = { put: 0, read: 0 };
  const counting: ArtifactStore = {
    put: (bytes) => {
      calls.put += 1;
      return store.put(bytes);
    },
    has: (hash) => store.has(hash),
    get: (hash) => store.get(hash),
    size: (hash) => store.size(hash),
    async *read(hash, range) {
      calls.read += 1;
      if (lie) yield lie;
      else yield* store.read(hash, range);
    },
  };
  return { store: counting, calls };
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += Buffer.from(chunk).toString();
  return text;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'triptych-cache-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('cachedStore', () => {
  it('fetches once, however many ask at once and afterwards', async () => {
    const remote = countingStore();
    await remote.store.put(content);
    const cached = cachedStore(folderStore(folder), remote.store);
    const all = await Promise.all([
      cached.get(sha256),
      cached.get(sha256),
      textOf(cached.read(sha256, { offset: 6, length: 5 })),
    ]);
    expect(new TextDecoder().decode(all[0])).toBe('three small green triangles above a large circle');
    expect(all[2]).toBe('small');
    await cached.get(sha256);
    expect(remote.calls.read).toBe(1);
  });

  it('puts to both, and does not send what the far store has', async () => {
    const remote = countingStore();
    const local = folderStore(folder);
    const cached = cachedStore(local, remote.store);
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield content;
    }
    expect(await cached.put(stream())).toEqual({ sha256, bytes: content.byteLength });
    expect(await local.has(sha256)).toBe(true);
    expect(await remote.store.has(sha256)).toBe(true);
    await cached.put(content);
    expect(remote.calls.put).toBe(1);
  });

  it('replaces a near copy that has rotted', async () => {
    const remote = countingStore();
    const cached = cachedStore(folderStore(folder), remote.store);
    await cached.put(content);
    await writeFile(join(folder, sha256.slice(0, 2), sha256.slice(2)), 'rotten');
    expect(Buffer.compare(await cached.get(sha256), content)).toBe(0);
    expect(Buffer.compare(await folderStore(folder).get(sha256), content)).toBe(0);
  });

  it('does not accept other content from the far store, and asks again next time', async () => {
    const remote = countingStore(new TextEncoder().encode('something else'));
    const cached = cachedStore(folderStore(folder), remote.store);
    await expect(cached.get(sha256)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await expect(cached.get(sha256)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    expect(remote.calls.read).toBe(2);
    expect(await cached.has(sha256)).toBe(false);
  });

  it('sends again what was found to have rotted far away', async () => {
    const far = folderStore(join(folder, 'far'));
    const cached = cachedStore(folderStore(join(folder, 'near')), far);
    await far.put(content);
    await writeFile(join(folder, 'far', sha256.slice(0, 2), sha256.slice(2)), 'rotten');
    await expect(cached.get(sha256)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await cached.put(content);
    expect(Buffer.compare(await far.get(sha256), content)).toBe(0);
    expect(await textOf(far.read(sha256, { offset: 0, length: 7 }))).toBe('three s');
  });
});
