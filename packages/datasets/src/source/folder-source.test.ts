import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packDataset } from '../pack/pack-dataset.ts';
import { ProblemLog } from '../pack/problems.ts';
import { folderWith, png } from '../testing/folders.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { folderSource } from './folder-source.ts';
import { collect, readWhole } from './source.ts';

async function listed(path: string) {
  const problems = new ProblemLog();
  const source = folderSource(path, { problems });
  const files: Record<string, number> = {};
  for await (const file of source.list()) files[file.path] = file.bytes;
  return { source, files, problems: problems.list() };
}

test('lists regular files with their sizes, and folders that are empty; hidden ones do not count', async () => {
  const path = await folderWith({ 'a/b.txt': 'four', 'c.txt': '', '.git/config': 'x', 'a/.DS_Store': 'x' });
  mkdirSync(join(path, 'a/empty'));
  expect((await listed(path)).files).toEqual({ 'a/b.txt': 4, 'c.txt': 0, 'a/empty/': 0 });
});

test('follows links to files inside, and no others; each that it does not follow is a problem', async () => {
  const outside = await folderWith({ 'secret.txt': 'secret', 'deep/other.txt': 'secret' });
  const path = await folderWith({ 'real/one.txt': 'one' });
  symlinkSync('real/one.txt', join(path, 'inside.txt'));
  symlinkSync(join(outside, 'secret.txt'), join(path, 'outside.txt'));
  symlinkSync(join(outside, 'deep'), join(path, 'folder'));
  symlinkSync('..', join(path, 'real/circle'));
  symlinkSync('nothing', join(path, 'broken.txt'));
  const { files, problems, source } = await listed(path);
  expect(files).toEqual({ 'real/one.txt': 3, 'inside.txt': 3 });
  expect(problems).toEqual([
    {
      kind: 'link-not-followed',
      count: 4,
      examples: expect.arrayContaining([
        'outside.txt: it leads out of the folder',
        'folder: it leads out of the folder',
        'real/circle: it leads to a folder that it is in',
        'broken.txt: it leads nowhere',
      ]),
    },
  ]);
  await expect(readWhole(source, 'outside.txt', 100)).rejects.toThrow('out of the folder');
  await expect(readWhole(source, '../etc/passwd', 100)).rejects.toThrow();
});

test('follows links to folders inside it and inside the allowed roots, each time they are linked', async () => {
  const root = await folderWith({
    'elsewhere/bird/1.jpg': 'bird',
    'data/train/cat/2.jpg': 'cat',
    'secret/deep/3.jpg': 'secret',
  });
  const path = join(root, 'data');
  symlinkSync(join(root, 'elsewhere/bird'), join(path, 'train/bird'));
  symlinkSync('cat', join(path, 'train/lion'));
  symlinkSync(join(root, 'secret'), join(path, 'train/secret'));
  symlinkSync(path, join(root, 'elsewhere/bird/round'));
  const problems = new ProblemLog();
  const source = folderSource(path, { problems, roots: [join(root, 'elsewhere'), join(root, 'nowhere')] });
  const paths: string[] = [];
  for await (const file of source.list()) paths.push(file.path);
  expect(paths.sort()).toEqual(['train/bird/1.jpg', 'train/cat/2.jpg', 'train/lion/2.jpg']);
  expect(problems.list()).toEqual([
    {
      kind: 'link-not-followed',
      count: 2,
      examples: [
        'train/secret: it leads out of the allowed folders',
        'train/bird/round: it leads to a folder that it is in',
      ],
    },
  ]);
  expect(Buffer.from(await readWhole(source, 'train/bird/1.jpg', 100)).toString()).toBe('bird');
  await expect(readWhole(source, 'train/secret/deep/3.jpg', 100)).rejects.toThrow('out of the folder');
});

test('ranges of a file, and what an operating system leaves', async () => {
  const path = await folderWith({ 'a.txt': '0123456789', '._a.txt': 'x', 'b/Thumbs.db': 'x', 'b/c.txt': '' });
  const { source, files, problems } = await listed(path);
  const part = await collect(source.read('a.txt', { offset: 3, length: 4 }), 100);
  expect(Buffer.from(part).toString()).toBe('3456');
  await expect(collect(source.read('a.txt', { offset: 8, length: 4 }), 100)).rejects.toThrow('shorter');
  expect(files).toEqual({ 'a.txt': 10, 'b/c.txt': 0 });
  expect(problems).toEqual([{ kind: 'system-file', count: 2, examples: ['._a.txt', 'b/Thumbs.db'] }]);
});

test('a file that became a link out of the folder after it was listed is not read', async () => {
  const outside = await folderWith({ 'secret.txt': 'secret' });
  const path = await folderWith({ 'one.txt': 'one' });
  const { source } = await listed(path);
  rmSync(join(path, 'one.txt'));
  symlinkSync(join(outside, 'secret.txt'), join(path, 'one.txt'));
  await expect(readWhole(source, 'one.txt', 100)).rejects.toThrow('out of the folder');
});

test('pipes named .jpg hang nobody: they are problems, and the rest is packed', async () => {
  const path = await folderWith({ 'train/a/1.png': await png(1), 'train/b/2.png': await png(2) });
  for (const n of [1, 2, 3, 4, 5]) execFileSync('mkfifo', [join(path, `train/a/pipe${n}.jpg`)]);
  const packed = await packDataset({ path, format: 'auto', store: memoryStore() });
  expect(packed.manifest.samples).toHaveLength(2);
  expect(packed.problems).toContainEqual(expect.objectContaining({ kind: 'not-a-regular-file', count: 5 }));
  const source = folderSource(path, { problems: new ProblemLog() });
  await expect(readWhole(source, 'train/a/pipe1.jpg', 100)).rejects.toThrow('not a regular file');
});

test('no more than the limit comes into memory', async () => {
  const path = await folderWith({ 'large.bin': new Uint8Array(5_000_000) });
  const { source } = await listed(path);
  await expect(readWhole(source, 'large.bin', 4_999_999)).rejects.toThrow(RangeError);
  expect(await readWhole(source, 'large.bin', 5_000_000)).toHaveLength(5_000_000);
});

test('an abort ends the walk', async () => {
  const path = await folderWith({ 'a.txt': 'a' });
  const source = folderSource(path, {
    problems: new ProblemLog(),
    signal: AbortSignal.abort(new Error('enough')),
  });
  await expect(source.list()[Symbol.asyncIterator]().next()).rejects.toThrow('enough');
});
