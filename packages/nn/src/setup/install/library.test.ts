import { createHash } from 'node:crypto';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  archiveFiles,
  elf,
  type Files,
  scratchFolder,
  wheelFiles,
  writeFolder,
  writeTarGz,
  writeZip,
} from '../testing/distributions.ts';
import { unpackLibrary } from './library.ts';

const without = (files: Files, pattern: RegExp): Files =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !pattern.test(path)));

test('a wheel: libraries, the headers that are needed, links, version and checksum', async () => {
  await using scratch = await scratchFolder();
  const deps = join(scratch.path, 'deps');
  const wheel = await writeZip(join(scratch.path, 'tensorflow.whl'), wheelFiles());
  const library = await unpackLibrary(wheel, deps);
  const sha256 = createHash('sha256')
    .update(await readFile(wheel))
    .digest('hex');
  expect(library).toEqual({ kind: 'wheel', version: '2.21.0', checksums: { [wheel]: sha256 } });
  expect((await readdir(join(deps, 'lib'))).sort()).toEqual([
    'libtensorflow.so',
    'libtensorflow.so.2',
    'libtensorflow_cc.so.2',
    'libtensorflow_framework.so',
    'libtensorflow_framework.so.2',
  ]);
  expect(await readlink(join(deps, 'lib', 'libtensorflow.so.2'))).toBe('libtensorflow_cc.so.2');
  expect(await readFile(join(deps, 'include/tensorflow/c/c_api.h'), 'utf8')).toBe('// c_api');
  expect((await readdir(join(deps, 'include'))).sort()).toEqual(['tensorflow', 'xla']);
});

test('an archive of the C library', async () => {
  await using scratch = await scratchFolder();
  const deps = join(scratch.path, 'deps');
  const archive = await writeTarGz(join(scratch.path, 'libtensorflow.tar.gz'), archiveFiles());
  expect(await unpackLibrary(archive, deps)).toMatchObject({ kind: 'tar.gz', version: '2.18.0' });
  expect(await readlink(join(deps, 'lib', 'libtensorflow.so'))).toBe('libtensorflow.so.2.18.0');
  expect(await readlink(join(deps, 'lib', 'libtensorflow_framework.so.2'))).toBe(
    'libtensorflow_framework.so.2.18.0',
  );
});

test.each([
  ['unpacked from the archive', archiveFiles(), '.', '2.18.0', 'libtensorflow.so.2.18.0'],
  ['unpacked from the wheel', wheelFiles(), '.', '2.21.0', 'libtensorflow_cc.so.2'],
  ['tensorflow in site-packages', wheelFiles(), 'tensorflow', '2.21.0', 'libtensorflow_cc.so.2'],
])('a folder %s', async (_what, files, inside, version, fileName) => {
  await using scratch = await scratchFolder();
  await writeFolder(join(scratch.path, 'site'), files);
  const deps = join(scratch.path, 'deps');
  const library = await unpackLibrary(join(scratch.path, 'site', inside), deps);
  expect(library).toMatchObject({ kind: 'folder', version });
  expect(Object.keys(library.checksums)).toContain(join(deps, 'lib', fileName));
  expect(Object.keys(library.checksums)).toHaveLength(2);
  expect(await readlink(join(deps, 'lib', 'libtensorflow.so'))).toBe(fileName);
});

test.each([
  ['no library', without(wheelFiles(), /_cc/), 'has no libtensorflow_cc.so.2'],
  ['no framework', without(wheelFiles(), /framework/), 'has no libtensorflow_framework.so.2'],
  ['no headers', without(wheelFiles(), /\.h$/), 'has no headers'],
  ['a wheel for macOS', { 'tensorflow/libtensorflow_cc.2.dylib': 'x' }, 'another operating system'],
  ['an old version', wheelFiles('2.4.1'), 'TensorFlow 2.4.1, and 2.9 or a later'],
  [
    'another processor',
    { ...wheelFiles(), 'tensorflow/libtensorflow_cc.so.2': elf(process.arch === 'x64' ? 'arm64' : 'x64') },
    'take the wheel or archive for Linux on',
  ],
  [
    'a library cut short',
    { ...wheelFiles(), 'tensorflow/libtensorflow_cc.so.2': 'x' },
    'is no library for Linux',
  ],
])('%s: says what to do', async (_what, files, message) => {
  await using scratch = await scratchFolder();
  const wheel = await writeZip(join(scratch.path, 'tensorflow.whl'), files);
  await expect(unpackLibrary(wheel, join(scratch.path, 'deps'))).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining(message),
  });
});

test.each([
  ['nothing there', undefined, 'there is no'],
  ['neither archive nor folder', 'hello', 'is neither a wheel'],
  ['a broken wheel', 'PK nothing follows', 'cannot be unpacked'],
  ['a broken tar.gz', '\x1f\x8bnothing follows', 'cannot be unpacked'],
])('%s: says so', async (_what, content, message) => {
  await using scratch = await scratchFolder();
  const source = join(scratch.path, 'tensorflow');
  if (content !== undefined) await writeFile(source, content, 'latin1');
  await expect(unpackLibrary(source, join(scratch.path, 'deps'))).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining(message),
  });
});
