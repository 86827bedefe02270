import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { coco, folderWith, png, temporaryFolder } from '../testing/folders.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { openDataset } from './dataset.ts';
import type { ManifestSample } from './manifest.ts';
import { type PackProgress, packDataset } from './pack-dataset.ts';

const pack = (path: string, format = 'auto') => packDataset({ path, format, store: memoryStore() });

const captionsOf = ({ content }: ManifestSample) => (content.kind === 'captions' ? content.texts : []);

const captionsOnly = (samples: number, images = samples) => ({
  samples,
  images,
  contents: { captions: samples, interleaved: 0, question: 0, conversation: 0 },
});

const kinds = ({ problems }: Awaited<ReturnType<typeof pack>>) =>
  Object.fromEntries(problems.map(({ kind, count }) => [kind, count]));

describe('COCO captions', () => {
  test('splits, captions and order come from the annotation files, images from the usual folders', async () => {
    const path = await folderWith({
      'images/b.png': await png(1),
      'images/a.png': await png(2),
      'val2017/c.png': await png(3),
      'annotations/captions_train2017.json': coco({ 'b.png': ['one', ' two '], 'a.png': ['three'] }),
      'annotations/captions_val2017.json': coco({ 'c.png': ['four'] }),
      'annotations/instances_val2017.json': '{ not even JSON',
    });
    const { manifest, splits, problems } = await pack(path);
    expect(manifest.format).toBe('coco-captions');
    expect(manifest.samples.map((one) => [one.id, one.split, captionsOf(one)])).toEqual([
      ['images/a.png', 'train', ['three']],
      ['images/b.png', 'train', ['one', 'two']],
      ['val2017/c.png', 'validation', ['four']],
    ]);
    expect(splits).toEqual([
      { split: 'train', captions: 3, classes: 0, ...captionsOnly(2) },
      { split: 'validation', captions: 1, classes: 0, ...captionsOnly(1) },
    ]);
    expect(problems).toEqual([]);
  });

  test("Karpathy's file has all splits in one; restval is trained on", async () => {
    const image = (filename: string, split: string) => ({
      filepath: 'val2014',
      filename,
      split,
      sentences: [{ raw: filename }],
    });
    const path = await folderWith({
      'dataset_coco.json': {
        images: [image('a.png', 'restval'), image('b.png', 'val'), image('c.png', 'test')],
      },
      'images/val2014/a.png': await png(1),
      'images/val2014/b.png': await png(2),
      'images/val2014/c.png': await png(3),
    });
    const { manifest } = await pack(path);
    expect(manifest.samples.map(({ split }) => split)).toEqual(['train', 'validation', 'test']);
  });

  test('everything that is wrong is counted, shown and left out', async () => {
    const path = await folderWith({
      'images/good.png': await png(1),
      'images/held.png': await png(2),
      'images/half.png': (await png(3)).subarray(0, 60),
      'images/page.jpg': '<!DOCTYPE html><html>404</html>',
      'images/mute.png': await png(4),
      'annotations/captions_train.json': {
        ...coco({
          'good.png': ['fine', '', 7],
          'half.png': ['cut'],
          'page.jpg': ['a page'],
          'mute.png': ['  '],
          'gone.png': ['gone'],
          '../../etc/passwd': ['root'],
        }),
      },
      'annotations/captions_test.json': coco({ 'held.png': ['held'] }),
      'annotations/captions_other.json': coco({ 'good.png': ['of no split'] }),
    });
    const packed = await pack(path);
    expect(packed.manifest.samples.map((one) => [one.id, captionsOf(one)])).toEqual([
      ['images/good.png', ['fine']],
      ['images/held.png', ['held']],
    ]);
    expect(kinds(packed)).toEqual({
      'empty-caption': 2,
      'missing-image': 1,
      'no-caption': 1,
      'outside-folder': 1,
      'undecodable-image': 2,
      'unknown-split': 1,
    });
    const broken = packed.problems.find(({ kind }) => kind === 'undecodable-image');
    expect(broken?.examples[1]).toContain('images/page.jpg: Not an image: expected JPEG');
    expect(broken?.examples[1]).toContain('got an HTML page');
  });
});

describe('class folders', () => {
  test('captions are the plain prompts of the class, whose name is the folder without underscores', async () => {
    const path = await folderWith({
      'train/polar_bear/1.png': await png(1),
      'train/ant/1.png': await png(2),
      'train/ant/notes.txt': 'not an image',
      'val/ant/1.png': await png(3),
      'docs/readme.md': 'hello',
    });
    const packed = await pack(path);
    const { manifest } = packed;
    expect(manifest.format).toBe('class-folders');
    expect(manifest.classNames).toEqual(['ant', 'polar bear']);
    expect(manifest.samples.map(({ id, split, classIndex }) => [id, split, classIndex])).toEqual([
      ['train/ant/1.png', 'train', 0],
      ['train/polar_bear/1.png', 'train', 1],
      ['val/ant/1.png', 'validation', 0],
    ]);
    expect(captionsOf(manifest.samples[1]!)[0]).toBe('a photo of a polar bear.');
    expect(kinds(packed)).toEqual({ 'ignored-folder': 1, 'not-an-image-file': 1 });
  });

  test('without splits, a tenth of each class is held out, whatever the files are called', async () => {
    const images = await Promise.all(Array.from({ length: 40 }, (_, level) => png(level)));
    const named = (name: (n: number) => string) =>
      Object.fromEntries(images.map((image, n) => [`${n < 20 ? 'x' : 'y'}/${name(n)}.png`, image]));
    const one = await pack(await folderWith(named((n) => `a${n}`)));
    const other = await pack(await folderWith(named((n) => `b${99 - n}`)));
    expect(one.splits).toEqual([
      { split: 'train', captions: 108, classes: 2, ...captionsOnly(36) },
      { split: 'validation', captions: 12, classes: 2, ...captionsOnly(4) },
    ]);
    expect(kinds(one)).toEqual({ 'no-held-out-split': 4 });
    const heldOut = ({ manifest }: typeof one, prefix: RegExp, turn: (n: number) => number) =>
      manifest.samples
        .filter(({ split }) => split === 'validation')
        .map(({ id }) => turn(Number(id.replace(prefix, '').replace('.png', ''))))
        .sort();
    expect(heldOut(other, /^.\/b/, (n) => 99 - n)).toEqual(heldOut(one, /^.\/a/, (n) => n));
  });

  test('an image in two splits leaves the earlier one; a copy within a split goes', async () => {
    const path = await folderWith({
      'train/b/1.png': await png(0),
      'train/a/1.png': await png(1),
      'train/a/copy.png': await png(1),
      'train/a/leak.png': await png(2),
      'validation/a/v.png': await png(3),
      'test/a/t.png': await png(2),
    });
    const packed = await pack(path);
    expect(packed.manifest.samples.map(({ id }) => id)).toEqual([
      'train/a/1.png',
      'train/b/1.png',
      'validation/a/v.png',
      'test/a/t.png',
    ]);
    expect(packed.problems).toEqual([
      { kind: 'duplicate-sample', count: 1, examples: ['train/a/copy.png has the content of train/a/1.png'] },
      {
        kind: 'leakage',
        count: 1,
        examples: ['train/a/leak.png (train) has the content of test/a/t.png (test)'],
      },
    ]);
  });
});

test('the same files give the same manifest and packs; the images come back as they were', async () => {
  const files = {
    'train/a/1.png': await png(1),
    'train/b/2.png': await png(2),
    'test/a/3.png': await png(3),
  };
  const store = memoryStore();
  const first = await packDataset({ path: await folderWith(files), format: 'auto', store });
  const second = await pack(await folderWith(Object.fromEntries(Object.entries(files).reverse())));
  expect(second.sha256).toBe(first.sha256);
  expect(first.bytes).toBe([...store.content.values()].reduce((sum, { length }) => sum + length, 0));

  const dataset = await openDataset(store, first.sha256);
  expect(dataset.indices('train')).toEqual(Int32Array.of(0, 1));
  expect(dataset.indices('validation')).toHaveLength(0);
  for (const [index, { id }] of dataset.manifest.samples.entries())
    expect(Buffer.from(await dataset.image(index)).equals(files[id as keyof typeof files])).toBe(true);
});

describe('refused, with everything that is wrong', () => {
  test('a path and a format that do not exist', async () => {
    const error = await pack('/nowhere/at/all', 'tarball').catch((reason) => reason);
    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(error.violations.map(({ path }: { path: string }) => path)).toEqual(['/path', '/format']);
  });

  test('a file instead of a folder', async () => {
    await expect(pack(join(await folderWith({ 'a.txt': 'hello' }), 'a.txt'))).rejects.toThrow(
      'which is a file',
    );
  });

  test('a folder in no known layout', async () => {
    const path = await folderWith({ 'notes/hello.txt': 'hello' });
    await expect(pack(path)).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringContaining('coco-captions'),
    });
    await expect(pack(await temporaryFolder())).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  });

  test('class folders with a single class, nested class folders, images beside them', async () => {
    const one = await folderWith({ 'train/images/1.png': await png(1), 'train/2.png': await png(2) });
    await expect(pack(one)).rejects.toThrow('no layout that is known');
    await expect(pack(one, 'class-folders')).rejects.toThrow('only the class "images"');
    const two = await folderWith({
      'a/1.png': await png(1),
      'b/2.png': await png(2),
      'b/deep/3.png': await png(3),
      '4.png': await png(4),
    });
    expect(kinds(await pack(two))).toEqual({
      'ignored-folder': 1,
      'image-without-class': 1,
      'no-held-out-split': 1,
    });
  });

  test('a folder whose images are all broken', async () => {
    const path = await folderWith({ 'a/1.jpg': '<html>', 'b/2.jpg': '', 'b/3.txt': 'x' });
    const error = await pack(path).catch((reason) => reason);
    expect(error.code).toBe('DATASET_INVALID');
    expect(error.message).toContain('2 undecodable-image (a/1.jpg: Not an image: ');
    expect(error.message).toContain('1 not-an-image-file');
  });

  test('an annotation file that is no JSON', async () => {
    const path = await folderWith({ 'annotations/captions_train.json': '{' });
    await expect(pack(path)).rejects.toThrow('unreadable-annotations');
  });
});

test('an abort ends it with its reason', async () => {
  const path = await folderWith({ 'train/a/1.png': await png(1), 'train/b/2.png': await png(2) });
  const reason = new Error('enough');
  const controller = new AbortController();
  const onProgress = () => controller.abort(reason);
  const packing = packDataset({
    path,
    format: 'auto',
    store: memoryStore(),
    signal: controller.signal,
    onProgress,
  });
  await expect(packing).rejects.toBe(reason);
});

test('a file that changes after it was checked is refused', async () => {
  const path = await folderWith({ 'train/a/1.png': await png(1), 'train/b/2.png': await png(2) });
  const onProgress = ({ phase, done, total }: PackProgress) => {
    if (phase === 'check' && done === total) writeFileSync(join(path, 'train/b/2.png'), 'changed');
  };
  const packing = packDataset({ path, format: 'auto', store: memoryStore(), onProgress });
  await expect(packing).rejects.toThrow('"train/b/2.png" changed');
});
