/** Folders of weights: whole files, shards, what is no regular file; and writing what was read. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TriptychError } from '@triptych/protocol';
import { beforeEach, expect, test } from 'vitest';
import { bytesRanges } from './byte-ranges.ts';
import type { SafetensorsDtype } from './dtype.ts';
import { openSafetensors } from './reader.ts';
import { RegularFile } from './regular-file.ts';
import {
  type StreamedFile,
  type StreamedTensor,
  safetensorsFiles,
  safetensorsStream,
  sameFile,
} from './stream.ts';
import { type OpenFile, openWeightFiles } from './weight-files.ts';
import { headerOf } from './written-header.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-'));
  return () => rm(folder, { recursive: true });
});

const tensor = (name: string, dtype: SafetensorsDtype, bytes: readonly number[]): StreamedTensor => ({
  name,
  dtype,
  shape: [bytes.length / { F32: 4, F16: 2, BF16: 2, I64: 8 }[dtype as 'F32']!],
  read: async () => Uint8Array.from(bytes),
});
const tensors = [
  tensor('b', 'F16', [1, 2]),
  tensor('a', 'F32', [3, 4, 5, 6]),
  tensor('c', 'I64', [1, 1, 1, 1, 1, 1, 1, 1]),
  tensor('d', 'BF16', [7, 8, 9, 10]),
];

const bytesFrom = async (pieces: AsyncIterable<Uint8Array>) => {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return Buffer.concat(parts);
};
const inMemory =
  (files: Readonly<Record<string, Uint8Array>>): OpenFile =>
  async (path) =>
    files[path] && bytesRanges(path, files[path]);
const contents = async (files: readonly StreamedFile[]) =>
  Object.fromEntries(
    await Promise.all(files.map(async ({ path, content }) => [path, await bytesFrom(content())] as const)),
  );
const violationsOf = (wanted: Promise<unknown>) =>
  wanted.then(
    () => [],
    (error: TriptychError) =>
      error.violations.map(({ path, expected, actual }) => `${path}: ${expected}; ${actual}`),
  );

test('types come widest first, names in order, whatever the order given; what is read is what was written', async () => {
  const bytes = await bytesFrom(safetensorsStream(tensors, { format: 'pt' }));
  expect((await bytesFrom(safetensorsStream(tensors.toReversed(), { format: 'pt' }))).equals(bytes)).toBe(
    true,
  );
  const reader = await openSafetensors(bytesRanges('f', bytes));
  expect([...reader.entries.keys()]).toEqual(['c', 'a', 'd', 'b']);
  expect(reader.metadata).toEqual({ format: 'pt' });
  expect([...(await reader.read('d'))]).toEqual([7, 8, 9, 10]);
});

test('a file written again is the same byte for byte, spaces and order of its header included', async () => {
  const header = Buffer.from(
    '  {"z": {"shape":[1],"data_offsets":[2,6],"dtype":"F32"},\n "a":{"dtype":"F16","shape":[],"data_offsets":[0,2],"x":1}}\n',
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = Buffer.concat([length, header, Buffer.from([1, 2, 3, 4, 5, 6])]);
  const reader = await openSafetensors(bytesRanges('f', file));
  expect((await bytesFrom(sameFile(reader))).equals(file)).toBe(true);
  const trained = await bytesFrom(
    sameFile(reader, (name) => (name === 'a' ? Promise.resolve(Uint8Array.of(9, 9)) : undefined)),
  );
  expect([...trained.subarray(-6)]).toEqual([9, 9, 3, 4, 5, 6]);
  expect(trained.subarray(0, -6).equals(file.subarray(0, -6))).toBe(true);
});

test('shards fill up to the limit, are named as the hub names them, and read back as one', async () => {
  const files = await contents(safetensorsFiles(tensors, { shardBytes: 8, metadata: { format: 'pt' } }));
  expect(Object.keys(files)).toEqual([
    'model-00001-of-00003.safetensors',
    'model-00002-of-00003.safetensors',
    'model-00003-of-00003.safetensors',
    'model.safetensors.index.json',
  ]);
  expect(JSON.parse(String(files['model.safetensors.index.json']))).toEqual({
    metadata: { total_size: 18 },
    weight_map: {
      a: 'model-00001-of-00003.safetensors',
      b: 'model-00001-of-00003.safetensors',
      c: 'model-00002-of-00003.safetensors',
      d: 'model-00003-of-00003.safetensors',
    },
  });
  const weights = await openWeightFiles(inMemory(files));
  expect([...weights!.entries.keys()].sort()).toEqual(['a', 'b', 'c', 'd']);
  for (const { name, read } of tensors) expect([...(await weights!.read(name))]).toEqual([...(await read())]);
  expect(Object.keys(await contents(safetensorsFiles(tensors)))).toEqual(['model.safetensors']);
});

test('every difference between index and shards is listed', async () => {
  const files = await contents(safetensorsFiles(tensors, { shardBytes: 8 }));
  const index = JSON.parse(String(files['model.safetensors.index.json']));
  index.weight_map.a = 'model-00002-of-00003.safetensors';
  index.weight_map.e = 'model-00002-of-00003.safetensors';
  index.weight_map.f = 'gone.safetensors';
  delete index.weight_map.b;
  const wrong = { ...files, 'model.safetensors.index.json': Buffer.from(JSON.stringify(index)) };
  // Shard 1 is named by nothing any more, so its tensors are simply not there.
  expect(await violationsOf(openWeightFiles(inMemory(wrong)))).toEqual([
    '/gone.safetensors: the shard that model.safetensors.index.json names; nothing',
    '/a: a tensor of model-00002-of-00003.safetensors; nothing',
    '/e: a tensor of model-00002-of-00003.safetensors; nothing',
  ]);
  index.weight_map.b = 'model-00002-of-00003.safetensors';
  index.weight_map.c = 'model-00001-of-00003.safetensors';
  const moved = { ...files, 'model.safetensors.index.json': Buffer.from(JSON.stringify(index)) };
  expect(await violationsOf(openWeightFiles(inMemory(moved)))).toContain(
    '/c: it in model-00001-of-00003.safetensors alone; it lies in model-00002-of-00003.safetensors',
  );
});

test.each([
  ['{"weight_map":{"a":"../secret.safetensors"}}', '../secret.safetensors'],
  ['{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}', 'stands twice'],
  ['{"weight_map":{"a":7}}', 'got 7'],
  ['{}', 'a weight_map'],
  ['nonsense', 'expected JSON'],
])('an index like %s is refused', async (text, message) => {
  const open = inMemory({ 'model.safetensors.index.json': Buffer.from(text) });
  await expect(openWeightFiles(open)).rejects.toThrow(message);
});

test('what is no regular file inside the folder is refused without reading it', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await mkdir(join(folder, 'sub'));
  await symlink('/dev/zero', join(folder, 'zero'));
  await symlink('/etc/hostname', join(folder, 'outside'));
  await writeFile(join(folder, 'file'), 'text');
  await symlink(join(folder, 'file'), join(folder, 'inside'));
  await expect(RegularFile.open(folder, 'pipe')).rejects.toThrow('got a named pipe');
  await expect(RegularFile.open(folder, 'sub')).rejects.toThrow('got a folder');
  await expect(RegularFile.open(folder, 'zero')).rejects.toThrow('got a link to /dev/zero');
  await expect(RegularFile.open(folder, 'outside')).rejects.toThrow('got a link to');
  expect(await RegularFile.open(folder, 'nothing')).toBeUndefined();
  await using inside = await RegularFile.open(folder, 'inside');
  expect(await inside!.text(4)).toBe('text');
  await expect(inside!.text(3)).rejects.toThrow('at most 3 bytes, got 4');
});

test('a file of more than 4 GiB is read at its end without reading the rest', async () => {
  const big = { name: 'big', dtype: 'U8' as const, shape: [5 * 1024 ** 3] };
  const last = { name: 'last', dtype: 'BOOL' as const, shape: [3] };
  const header = headerOf([big, last]);
  const size = header.length + 5 * 1024 ** 3 + 3;
  const file = await open(join(folder, 'model.safetensors'), 'w');
  await file.write(header, 0, header.length, 0);
  // Sparse: it takes no room.
  await file.write(Uint8Array.of(1, 0, 1), 0, 3, size - 3);
  await file.close();
  await using handle = await RegularFile.open(folder, 'model.safetensors');
  const reader = await openSafetensors(handle!);
  expect(reader.size).toBe(size);
  expect([...(await reader.read('last'))]).toEqual([1, 0, 1]);
});

test('a file that grows while it is read is refused', async () => {
  await writeFile(join(folder, 'file'), 'text');
  await using file = await RegularFile.open(folder, 'file');
  await writeFile(join(folder, 'file'), 'more text');
  await expect(bytesFrom(file!.chunks())).rejects.toThrow('it changed while it was read');
});
