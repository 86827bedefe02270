import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readSecret } from './secret.ts';

const folder = mkdtempSync(join(tmpdir(), 'secret-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileWith = (content: string) => {
  const path = join(folder, String(content.length));
  writeFileSync(path, content);
  return path;
};
const secret = 's3cret-'.repeat(6);

test('a secret comes from its variable or from a file, or there is none', () => {
  expect(readSecret({}, 'KEY')).toBeUndefined();
  expect(readSecret({ KEY: secret }, 'KEY')).toBe(secret);
  expect(readSecret({ KEY_FILE: fileWith(`${secret}\n`) }, 'KEY')).toBe(secret);
});

test.each([
  ['both', { KEY: secret, KEY_FILE: '/x' }, /KEY_FILE: expected nothing beside KEY/],
  ['a short one', { KEY: 'hunter2' }, /KEY: expected a secret of 32 to 200 .*got 7 characters/],
  ['a file that is not there', { KEY_FILE: '/nowhere/key' }, /KEY_FILE.*nowhere.*ENOENT/],
  ['an empty file', { KEY_FILE: fileWith('\n') }, /KEY_FILE.*got 0 characters/],
])('%s is refused, and never repeated', (_, environment, message) => {
  expect(() => readSecret(environment, 'KEY')).toThrow(message);
  expect(() => readSecret(environment, 'KEY')).not.toThrow(/hunter2|s3cret/);
});
