import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packDataset } from '../pack/pack-dataset.ts';
import { ProblemLog } from '../pack/problems.ts';
import { folderWith, png } from '../testing/folders.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { folderSource } from './folder-source.ts';
import { readWhole } from './source.ts';

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
        'real/circle: it leads to a folder',
        'broken.txt: it leads nowhere',
      ]),
    },
  ]);
  await expect(readWhole(source, 'outside.txt', 100)).rejects.toThrow('out of the folder');
  await expect(readWhole(source, '../etc/passwd', 100)).rejects.toThrow();
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
