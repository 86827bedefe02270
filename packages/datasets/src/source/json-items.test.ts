import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type JsonItem, jsonItems } from './json-items.ts';
import type { Source } from './source.ts';

/** A source of one file that comes in pieces of `size` bytes. */
const inPieces = (text: string | Uint8Array, size: number): Source => ({
  async *list() {},
  async *read() {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  },
});

async function read(text: string | Uint8Array, size = 7, lists?: readonly string[]): Promise<JsonItem[]> {
  const items: JsonItem[] = [];
  for await (const item of jsonItems(inPieces(text, size), 'x.json', lists)) items.push(item);
  return items;
}

const values = async (text: string, size?: number) => (await read(text, size)).map(({ value }) => value);

test('a list in pieces of any size is what JSON.parse makes of the whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.json()),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      async (texts, size, wide) => {
        const text = wide ? ` [\n${texts.join(' ,\n')} ]\n` : `[${texts.join(',')}]`;
        expect(await values(text, size)).toEqual(JSON.parse(text));
      },
    ),
  );
});

test('lines of objects; a mark of byte order and empty lines are none', async () => {
  const text = '\uFEFF{"a":"}\\"{"}\r\n\n{"b":[1,{"c":2}]}';
  expect(await read(text)).toEqual([
    { scope: 'entry', list: '', place: 'line 1', value: { a: '}"{' } },
    { scope: 'entry', list: '', place: 'line 3', value: { b: [1, { c: 2 }] } },
  ]);
  expect(await read('')).toEqual([]);
});

test('the lists of an object, whatever else is in it, in pieces of any size', async () => {
  const text = `{ "info": {"images": [1]}, "images": [\n{"id": 1},\n{"id": [2]}\n],
    "annotations" : [], "kind": "x", "images2": [3]}`;
  for (let size = 1; size < 40; size += 1)
    expect(
      (await read(text, size, ['images', 'annotations'])).map(({ scope, list, place, value }) => [
        scope,
        list,
        place,
        value,
      ]),
    ).toEqual([
      ['field', 'info', 'line 1', { images: [1] }],
      ['entry', 'images', 'images entry 1 (line 2)', { id: 1 }],
      ['entry', 'images', 'images entry 2 (line 3)', { id: [2] }],
      ['field', 'kind', 'line 5', 'x'],
      ['field', 'images2', 'line 5', [3]],
    ]);
});

test('a value that cannot be read does not cost the others, and its line is said', async () => {
  const faults = async (text: string | Uint8Array, lists?: readonly string[]) =>
    (await read(text, 5, lists)).map(({ place, value, fault }) => [place, fault ?? value]);
  expect(await faults('{"a":1}\n{"a":\n{"a":"x}\n{"a":2}')).toEqual([
    ['line 1', { a: 1 }],
    ['line 2', expect.stringContaining('Unexpected end')],
    ['line 3', expect.stringContaining('Unterminated')],
    ['line 4', { a: 2 }],
  ]);
  expect(await faults('[{"a":1},\n{"a" 2},\n{"a":3}]')).toEqual([
    ['entry 1 (line 1)', { a: 1 }],
    ['entry 2 (line 2)', expect.stringContaining('JSON')],
    ['entry 3 (line 3)', { a: 3 }],
  ]);
  const latin = Buffer.from('{"a":1}\n{"a":"caf\u00e9"}\n{"a":3}', 'latin1');
  expect(await faults(latin)).toEqual([
    ['line 1', { a: 1 }],
    ['line 2', 'it is not UTF-8'],
    ['line 3', { a: 3 }],
  ]);
});

test('numbers that only Python writes are read as Python reads them', async () => {
  expect(await values('[NaN, {"a": -Infinity, "b": "NaN, Infinity"}, Infinity]')).toEqual([
    Number.NaN,
    { a: Number.NEGATIVE_INFINITY, b: 'NaN, Infinity' },
    Number.POSITIVE_INFINITY,
  ]);
});

test('a key that an object has twice is a fault, keys of others are not', async () => {
  expect(await read('[{"a":{"x":1,"x":2}}, {"a":{"x":1},"b":{"x":":"}}]')).toEqual([
    {
      scope: 'entry',
      list: '',
      place: 'entry 1 (line 1)',
      fault: 'the key "x" is there twice in one object',
    },
    { scope: 'entry', list: '', place: 'entry 2 (line 1)', value: { a: { x: 1 }, b: { x: ':' } } },
  ]);
  const whole = await read('{"images":[1],"images":[2]}', 5, ['images']);
  expect(whole.at(-1)?.fault).toBe('the key "images" is there twice');
});

test.each([
  ['[{"a":1}', 'cut off'],
  ['["a', 'cut off'],
  ['[1] 2', 'follows the end'],
  ['[1,,2]', 'Unexpected end'],
  ['[1,]2', 'follows the end'],
  [']', 'not valid JSON'],
  ['{"a":1} hello', 'JSON'],
])('%s has a fault', async (text, message) => {
  const faults = (await read(text)).flatMap(({ fault }) => fault ?? []);
  expect(faults).toEqual([expect.stringContaining(message)]);
});
