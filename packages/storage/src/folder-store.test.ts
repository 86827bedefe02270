import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Of } from './artifact-store.ts';
import { folderStore } from './folder-store.ts';

const content = new TextEncoder().encode('a red circle to the left of a small blue square');
const sha256 = sha256Of(content);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'triptych-folder-'));
});
afterEach(() => rm(folder, { recursive: true }));

const published = async (): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((e) => e.isFile() && !e.parentPath.endsWith('.incoming')).map((e) => e.name);
};

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of chunks);
}

describe('folderStore', () => {
  it('lays artifacts out by the first two digits', async () => {
    await folderStore(folder).put(content);
    expect(await readFile(join(folder, sha256.slice(0, 2), sha256.slice(2)))).toEqual(Buffer.from(content));
  });

  it('detects content that is not what its hash promises, and a put repairs it', async () => {
    const store = folderStore(folder);
    await store.put(content);
    const path = join(folder, sha256.slice(0, 2), sha256.slice(2));
    for (const spoil of [
      () =>
        writeFile(
          path,
          content.map((byte, i) => (i === 5 ? byte ^ 1 : byte)),
        ),
      () => truncate(path, content.byteLength - 1),
    ]) {
      await spoil();
      await expect(store.get(sha256)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
      await expect(drain(store.read(sha256))).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
      await store.put(content);
      expect(Buffer.compare(await store.get(sha256), content)).toBe(0);
    }
  });

  it('shows nothing of a put whose process is killed, and clears it away an hour later', async () => {
    const writer = fileURLToPath(new URL('./testing/unfinished-writer.mjs', import.meta.url));
    const child = spawn(process.execPath, [writer, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await published()).toEqual([]);
    const [left] = await readdir(join(folder, '.incoming'));
    expect(left).toBeDefined();

    await folderStore(folder).put(content);
    expect(await readdir(join(folder, '.incoming'))).toEqual([left]);
    await utimes(join(folder, '.incoming', left!), new Date(0), new Date(0));
    await folderStore(folder).put(content);
    expect(await readdir(join(folder, '.incoming'))).toEqual([]);
    expect(await published()).toEqual([sha256.slice(2)]);
  });

  it('can be tried again after its folder could not be made', async () => {
    const blocked = join(folder, 'blocked');
    await writeFile(blocked, 'a file where the folder should be');
    const store = folderStore(blocked);
    await expect(store.put(content)).rejects.toThrow();
    await rm(blocked);
    await mkdir(blocked);
    expect(await store.put(content)).toEqual({ sha256, bytes: content.byteLength });
  });

  const pathOf = (hash: string) => join(folder, hash.slice(0, 2), hash.slice(2));
  const old = new Date(Date.now() - 3_600_000);
  const grace = () => new Date(Date.now() - 60_000);

  it('keeps what was put again or renewed while it was being taken away', async () => {
    const store = folderStore(folder);
    for (const use of [() => store.put(content), () => store.renew(sha256)]) {
      await store.put(content);
      await utimes(pathOf(sha256), old, old);
      await use();
      expect(await store.remove(sha256, grace())).toBeUndefined();
      expect(Buffer.compare(await store.get(sha256), content)).toBe(0);
    }
    // At once, again and again: whoever put it last must find it.
    for (let round = 0; round < 50; round += 1) {
      await store.put(content);
      await utimes(pathOf(sha256), old, old);
      await Promise.all([store.remove(sha256, grace()), store.put(content)]);
      expect(await store.has(sha256)).toBe(true);
    }
    expect(await readdir(join(folder, '.removed'))).toEqual([]);
  });

  it('brings back what a removal had set aside when it was killed', async () => {
    const store = folderStore(folder);
    await store.put(content);
    await mkdir(join(folder, '.removed'));
    await rename(pathOf(sha256), join(folder, '.removed', sha256));
    await store.tidy(grace());
    expect(Buffer.compare(await store.get(sha256), content)).toBe(0);
  });

  it('takes away uploads that were broken off, and counts them', async () => {
    const store = folderStore(folder);
    await store.put(content);
    const [left, fresh] = ['left', 'fresh'].map((name) => join(folder, '.incoming', name)) as [
      string,
      string,
    ];
    await writeFile(left, 'half of it');
    await utimes(left, old, old);
    await writeFile(fresh, 'coming');
    expect(await store.tidy(grace())).toEqual({ removed: 1, removedBytes: 10 });
    expect(await readdir(join(folder, '.incoming'))).toEqual(['fresh']);
  });

  it.each(['ENOSPC', 'EDQUOT'])('says STORAGE_FULL for %s, and leaves nothing half written', async (code) => {
    const store = folderStore(folder);
    async function* filling(): AsyncGenerator<Uint8Array> {
      yield content;
      throw Object.assign(new Error(`${code}: write`), { code });
    }
    await expect(store.put(filling())).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      message: expect.stringContaining(`${folder} (${code}); make room`),
    });
    expect(await readdir(join(folder, '.incoming'))).toEqual([]);
  });

  it('takes nothing of an upload that the volume has no room for', async () => {
    const store = folderStore(folder);
    let asked = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      asked += 1;
      yield content;
    }
    const promised = { sha256, bytes: 2 ** 52 };
    await expect(store.put(endless(), promised)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(asked).toBe(0);
  });
});
