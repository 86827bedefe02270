import { expect, test } from 'vitest';
import { memoryStore } from '../testing/memory-store.ts';
import { openDataset } from './dataset.ts';
import { type ManifestVersion1, parseManifest } from './manifest-versions.ts';

/** As the release before wrote it. */
const before: ManifestVersion1 = {
  version: 1,
  format: 'class-folders',
  classNames: ['ant', 'bee'],
  packs: [{ sha256: 'a'.repeat(64), bytes: 7 }],
  samples: [
    {
      id: 'train/ant/1.png',
      split: 'train',
      pack: 0,
      offset: 0,
      length: 3,
      captions: ['a photo of an ant.'],
      classIndex: 0,
    },
    { id: 'test/2.png', split: 'test', pack: 0, offset: 3, length: 4, captions: ['one', 'two'] },
  ],
};

test('a manifest of version 1 is read as version 2: positions, captions and classes stay', () => {
  const content = new TextEncoder().encode(JSON.stringify(before));
  expect(parseManifest(content, 'hash')).toEqual({
    version: 2,
    format: 'class-folders',
    classNames: ['ant', 'bee'],
    packs: before.packs,
    images: [
      { pack: 0, offset: 0, length: 3 },
      { pack: 0, offset: 3, length: 4 },
    ],
    samples: [
      {
        id: 'train/ant/1.png',
        split: 'train',
        images: [0],
        content: { kind: 'captions', texts: ['a photo of an ant.'] },
        classIndex: 0,
      },
      { id: 'test/2.png', split: 'test', images: [1], content: { kind: 'captions', texts: ['one', 'two'] } },
    ],
  });
});

test('its images open, and have names that differ', async () => {
  const store = memoryStore();
  const pack = await store.put(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
  const { sha256 } = await store.put(new TextEncoder().encode(JSON.stringify({ ...before, packs: [pack] })));
  const dataset = await openDataset(store, sha256);
  expect([...(await dataset.image(1))]).toEqual([4, 5, 6, 7]);
  expect(dataset.indices('test')).toEqual(Int32Array.of(1));
  expect(dataset.imageKey(0)).not.toBe(dataset.imageKey(1));
});

test('a version of the future is refused', () => {
  const content = new TextEncoder().encode(JSON.stringify({ ...before, version: 3 }));
  expect(() => parseManifest(content, 'hash')).toThrow('version 1 or 2');
});
