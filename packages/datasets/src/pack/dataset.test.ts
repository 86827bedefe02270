import { expect, test } from 'vitest';
import { PixelCache } from '../image/pixel-cache.ts';
import { clipTransform } from '../image/transform.ts';
import { folderWith, png } from '../testing/folders.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { openDataset } from './dataset.ts';
import { packDataset } from './pack-dataset.ts';
import { PackWriter } from './pack-writer.ts';

test('packs close before they would grow beyond the limit, and offsets start again', async () => {
  const store = memoryStore();
  const writer = new PackWriter(store, 10);
  const places = [];
  for (const length of [4, 6, 1, 10]) places.push(await writer.add(new Uint8Array(length).fill(length)));
  await writer.finish();
  expect(places).toEqual([
    { pack: 0, offset: 0, length: 4 },
    { pack: 0, offset: 4, length: 6 },
    { pack: 1, offset: 0, length: 1 },
    { pack: 2, offset: 0, length: 10 },
  ]);
  expect(writer.packs.map(({ bytes }) => bytes)).toEqual([10, 1, 10]);
  expect([...store.content.get(writer.packs[1]!.sha256)!]).toEqual([1]);
});

test('what is no manifest is refused', async () => {
  const store = memoryStore();
  for (const content of ['hello', '{}', 'null']) {
    const { sha256 } = await store.put(Buffer.from(content));
    await expect(openDataset(store, sha256)).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  }
});

test('the cache decodes what fits once, and the rest every time', async () => {
  const path = await folderWith({
    'train/a/1.png': await png(10),
    'train/b/2.png': await png(20),
    'test/a/3.png': await png(30),
  });
  const store = memoryStore();
  const { sha256 } = await packDataset({ path, format: 'auto', store });
  const dataset = await openDataset(store, sha256);
  // A 4x4 RGB picture has 48 bytes: room for two.
  const cache = new PixelCache({ dataset, transform: clipTransform(4), maxBytes: 100 });
  for (let epoch = 0; epoch < 3; epoch += 1)
    for (const index of [0, 1, 2])
      expect([...(await cache.pixels(index))]).toEqual(new Array(48).fill(10 * (index + 1)));
  expect([cache.hits, cache.misses, cache.bytes]).toEqual([4, 5, 96]);
});

test('the cache shares what is being decoded, and forgets failures', async () => {
  const path = await folderWith({ 'train/a/1.png': await png(10), 'test/b/2.png': await png(20) });
  const store = memoryStore();
  const { sha256, manifest } = await packDataset({ path, format: 'auto', store });
  const dataset = await openDataset(store, sha256);
  const cache = new PixelCache({ dataset, transform: clipTransform(4), maxBytes: 100 });
  const pack = manifest.packs[0]!.sha256;
  const content = store.content.get(pack)!;
  store.content.delete(pack);
  await expect(cache.pixels(0)).rejects.toThrow('no artifact');
  store.content.set(pack, content);
  const [one, same] = await Promise.all([cache.pixels(0), cache.pixels(0)]);
  expect(one).toBe(same);
});
