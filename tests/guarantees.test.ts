/** What is promised names the tests that keep it, and they are there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = ['apps', 'packages', 'tests'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'))
    .map((path) => join(folder, path)),
);
const text = readFileSync(new URL('../docs/guarantees.md', import.meta.url), 'utf8');
const testsIn = (part: string) =>
  [...part.matchAll(/`([\w./-]+\.(?:test|e2e|chaos)\.ts)`/g)].map(([, path]) => path!);

test('every test that docs/guarantees.md names exists', () => {
  const named = testsIn(text);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !files.some((file) => file === path || file.endsWith(`/${path}`)))).toEqual(
    [],
  );
});

test('every promise names one', () => {
  const sections = text.split(/^## /m).slice(1);
  const without = sections
    .filter((section) => testsIn(section).length === 0)
    .map((section) => section.split('\n')[0]);
  expect(without).toEqual(['Not promised']);
});
