import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
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
});
