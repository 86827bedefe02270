import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readNamedFile, readNamedJson } from './named-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'named-file-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (path: string) =>
  readNamedFile({ path, option: '--image', what: 'a picture file', limitBytes: 2 ** 20, remedy: 'name one' });

test('a file comes whole', async () => {
  const path = join(folder, 'whole');
  writeFileSync(path, 'content');
  expect((await read(path)).toString()).toBe('content');
});

test('a pipe and a device are refused at once', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const path of [pipe, '/dev/zero'])
    await expect(read(path)).rejects.toThrow(
      `--image: expected a picture file of at most 1 MiB, got ${path} that is no regular file`,
    );
});

test('a file beyond the limit is refused before it is read', async () => {
  const path = join(folder, 'large');
  writeFileSync(path, '');
  await expect(read(path)).rejects.toThrow('with 0 bytes');
  truncateSync(path, 5 * 2 ** 30);
  await expect(read(path)).rejects.toThrow('with 5368709120 bytes; choose another file, or make it smaller');
});

test('what is not there is said with what to do; JSON of another form too', async () => {
  await expect(read(join(folder, 'nowhere'))).rejects.toThrow(
    `Cannot read a picture file: ${join(folder, 'nowhere')} does not exist; name one`,
  );
  await expect(read(folder)).rejects.toThrow(`Cannot read a picture file: ${folder} is a folder; name one`);
  const path = join(folder, 'list.json');
  const json = () =>
    readNamedJson(
      { path, option: 'SPEC', what: 'a run spec', limitBytes: 2 ** 20, remedy: 'see examples/' },
      { form: 'an object', fits: (value) => !Array.isArray(value) },
    );
  writeFileSync(path, '[1]');
  await expect(json()).rejects.toThrow(`${path}: expected an object, got [1]; see examples/`);
  writeFileSync(path, '{');
  await expect(json()).rejects.toThrow(/is not JSON .*; see examples\//);
  writeFileSync(path, '{"model": "clip-tiny"}');
  expect(await json()).toEqual({ model: 'clip-tiny' });
});
