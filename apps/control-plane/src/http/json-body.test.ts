import { expect, test } from 'vitest';
import { excessOf } from './json-body.ts';

test.each([
  ['brackets in a string', `{"a":"${'['.repeat(1000)}"}`],
  ['quotes in a string', `["\\"${'['.repeat(1000)}\\\\", "${'{'.repeat(1000)}\\\\\\""]`],
  ['siblings', `[${'[],'.repeat(1000)}[]]`],
  ['64 inside each other', `${'['.repeat(64)}${']'.repeat(64)}`],
  ['text that is no JSON', '"never closed ['],
])('%s are not too much', (_, text) => {
  expect(excessOf(text)).toBeUndefined();
});

test.each([
  ['65 inside each other', `${'{"a":'.repeat(65)}1`, 'inside each other'],
  ['200,000 that never close', '['.repeat(200_000), 'inside each other'],
  ['200,000 after a string that looks like an end', `["\\\\", ${'['.repeat(200_000)}`, 'inside each other'],
  ['a hundred thousand commas', `[${'1,'.repeat(100_001)}1]`, 'values'],
])('%s are too much', (_, text, expected) => {
  expect(excessOf(text)?.expected).toContain(expected);
});
