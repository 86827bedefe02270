import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { boundedStore } from './bounded-store.ts';
import { cachedStore } from './cached-store.ts';
import { folderStore } from './folder-store.ts';
import { memoryStore } from './memory-store.ts';

const MINUTE_MS = 60_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'triptych-bounded-'));
});
afterEach(() => rm(folder, { recursive: true }));

const contentOf = (name: string) => Buffer.alloc(1000, name);

/** What jobs of the past left, used so many minutes ago. */
async function left(name: string, minutes: number): Promise<string> {
  const { sha256 } = await folderStore(folder).put(contentOf(name));
  const then = new Date(Date.now() - minutes * MINUTE_MS);
  await utimes(join(folder, sha256.slice(0, 2), sha256.slice(2)), then, then);
  return sha256;
}

const there = (...hashes: string[]) => Promise.all(hashes.map((sha256) => folderStore(folder).has(sha256)));

it('makes room by what was used longest ago', async () => {
  const [a, b, c] = [await left('a', 60), await left('b', 30), await left('c', 90)];
  const store = boundedStore(folderStore(folder), { limitBytes: 3500 });
  const { sha256: d } = await store.put(contentOf('d'));
  expect(await there(a, b, c, d)).toEqual([true, true, false, true]);
});

it('never takes what the job uses, nor what others have used lately', async () => {
  const [mine, others, nobodys] = [
    await left('mine', 90),
    await left('others', 5),
    await left('nobodys', 60),
  ];
  const store = boundedStore(folderStore(folder), { limitBytes: 1500 });
  for await (const _ of store.read(mine, { offset: 0, length: 1 }));
  const { sha256: put } = await store.put(contentOf('put'));
  expect(await there(mine, others, nobodys, put)).toEqual([true, true, false, true]);
  // Read again by a job, an artifact counts as used by whoever shares the folder.
  const again = boundedStore(folderStore(folder), { limitBytes: 100 });
  await again.put(contentOf('more'));
  expect(await there(mine)).toEqual([true]);
});

it('counts over many puts, and gives up no more than it must', async () => {
  const old = await Promise.all(Array.from({ length: 20 }, (_, i) => left(`old ${i}`, 100 + i)));
  const store = boundedStore(folderStore(folder), { limitBytes: 10_000 });
  for (let i = 0; i < 5; i += 1) await store.put(contentOf(`new ${i}`));
  const kept = (await there(...old)).filter(Boolean).length;
  expect(kept).toBeGreaterThanOrEqual(3);
  expect(kept).toBeLessThanOrEqual(5);
});

it('fetches again what another worker took away between two reads', async () => {
  const remote = memoryStore();
  const { sha256 } = await remote.put(contentOf('a'));
  const near = folderStore(folder);
  const store = cachedStore(
    {
      ...{ put: near.put.bind(near), get: near.get.bind(near), read: near.read.bind(near) },
      size: near.size.bind(near),
      async has(hash) {
        const isThere = await near.has(hash);
        // Right after it was looked for.
        if (isThere) await near.remove(hash, new Date(Date.now() + MINUTE_MS));
        return isThere;
      },
    },
    remote,
  );
  await near.put(contentOf('a'));
  expect(Buffer.from(await store.get(sha256))).toEqual(contentOf('a'));
  const pieces = [];
  for await (const piece of store.read(sha256)) pieces.push(piece);
  expect(Buffer.concat(pieces)).toEqual(contentOf('a'));
});
