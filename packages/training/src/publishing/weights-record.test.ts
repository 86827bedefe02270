/** The hash by which two models' weights are compared. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore, putFiles, sha256Of } from '@triptych/storage';
import { expect, test } from 'vitest';
import { isWeightPath, weightsRecord } from './weights-record.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const stored = async (contents: Record<string, string>) => {
  const files = Object.entries(contents).map(([path, text]) => ({ path, content: bytes(text) }));
  return (await putFiles(memoryStore(), files)).files;
};
const recordOf = async (contents: Record<string, string>) => {
  const files = await stored(contents);
  return weightsRecord(files, files.map(({ path }) => path).filter(isWeightPath));
};

test('one file is known by its own hash, whatever else the folder has', async () => {
  const adapter = { 'adapter/adapter_model.safetensors': 'more', 'config.json': '{}' };
  const record = await recordOf({ 'model.safetensors': 'weights', ...adapter });
  expect(record).toEqual({ sha256: sha256Of(bytes('weights')), bytes: 7 });
});

test('shards are known by what sha256sum prints of them, so that a change in any shows', async () => {
  const shards = {
    'model-00001-of-00002.safetensors': 'one',
    'model-00002-of-00002.safetensors': 'two',
    'model.safetensors.index.json': '{}',
  };
  const record = await recordOf(shards);
  const folder = mkdtempSync(join(tmpdir(), 'shards-'));
  for (const [path, text] of Object.entries(shards)) writeFileSync(join(folder, path), text);
  const printed = execFileSync('sha256sum', Object.keys(shards), { cwd: folder });
  rmSync(folder, { recursive: true });
  expect(record).toEqual({ sha256: sha256Of(printed), bytes: 8 });
  const other = await recordOf({ ...shards, 'model-00001-of-00002.safetensors': 'One' });
  expect(other.sha256).not.toBe(record.sha256);
});

test('a file that is not there is a mistake', async () => {
  const files = await stored({ 'model.safetensors': 'weights' });
  expect(() => weightsRecord(files, ['model.safetensors', 'lost'])).toThrow('lost');
});
