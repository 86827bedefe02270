import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonItems } from './json-items.ts';
import type { Source } from './source.ts';

/** A source of one file that comes in pieces of `size` bytes. */
const inPieces = (text: string, size: number): Source => ({
  async *list() {},
  async *read() {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  },
});

async function items(text: string, size = 7): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const item of jsonItems(inPieces(text, size), 'x.json')) all.push(item);
  return all;
}

test('a list in pieces of any size is what JSON.parse makes of the whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.json()),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      async (texts, size, wide) => {
        const text = wide ? ` [\n${texts.join(' ,\n')} ]\n` : `[${texts.join(',')}]`;
        expect(await items(text, size)).toEqual(JSON.parse(text));
      },
    ),
  );
});

test('lines of objects', async () => {
  expect(await items('\uFEFF{"a":"}\\"{"}\n\n{"b":[1,{"c":2}]}\n')).toEqual([
    { a: '}"{' },
    { b: [1, { c: 2 }] },
  ]);
  expect(await items('')).toEqual([]);
});

test.each([
  ['[{"a":1}', 'cut off'],
  ['["a', 'cut off'],
  ['[1] 2', 'follows the end'],
  ['[1,,2]', 'item 1'],
  ['[1,]2', 'follows the end'],
  [']', 'closes what was not opened'],
  ['{"a":1} hello', 'item 1'],
])('%s is refused', async (text, message) => {
  await expect(items(text)).rejects.toThrow(message);
});
