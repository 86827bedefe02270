import { readFileSync } from 'node:fs';
import { TriptychError } from '@triptych/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClipTokenizer } from './clip-tokenizer.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../fixtures/clip-tokenizer/${name}`, import.meta.url), 'utf8');
const idsOf = (tokenizer: ClipTokenizer, text: string, length = 77) => [...tokenizer.encode(text, length)];

describe("with OpenAI's vocabulary", () => {
  const tokenizer = ClipTokenizer.fromFiles({
    'vocab.json': fixture('vocab.json'),
    'merges.txt': fixture('merges.txt'),
  });

  test('the ids at both ends are those of the full vocabulary', () => {
    expect([tokenizer.vocabSize, tokenizer.startToken, tokenizer.endToken]).toEqual([49_408, 49_406, 49_407]);
  });

  test('300 texts get the ids of the reference, but for the two that need mojibake repair', () => {
    const cases = JSON.parse(fixture('expected.json')) as { text: string; ids: number[] }[];
    const different = cases.flatMap(({ text, ids }, n) => {
      const padded = [...ids, ...new Array<number>(77 - ids.length).fill(49_407)];
      return idsOf(tokenizer, text).every((id, i) => id === padded[i]) ? [] : [n];
    });
    expect(cases).toHaveLength(300);
    expect(different).toEqual([30, 31]);
  });

  test("the notebook's example", () => {
    expect(idsOf(tokenizer, 'Hello World!', 7)).toEqual([49406, 3306, 1002, 256, 49407, 49407, 49407]);
  });

  test('a vocabulary may have any number of tokens', () => {
    const vocabulary = JSON.parse(fixture('vocab.json')) as Record<string, number>;
    for (let id = 49_408; id < 200_000; id++) vocabulary[`<|unused${id}|>`] = id;
    const files = { 'vocab.json': JSON.stringify(vocabulary), 'merges.txt': fixture('merges.txt') };
    expect(ClipTokenizer.fromFiles(files).vocabSize).toBe(200_000);
  });

  test('a text too long is cut and still ends', () => {
    expect(idsOf(tokenizer, 'a photo of a cat', 4)).toEqual([49406, 320, 1125, 49407]);
  });
});

describe('trained', () => {
  const captions = [
    'low low low low low',
    'lower lower',
    'newest newest newest newest newest newest',
    'widest',
  ];

  test('merges the most frequent pair first, by hand', () => {
    // Pairs: w+e 8 (newest 6, lower 2); l+o 7 and s+t</w> 7, decided by code unit; then e+we, n+e, we+st</w> 6 each.
    const merges = ClipTokenizer.train(captions, 518).files()['merges.txt']?.split('\n');
    expect(merges?.slice(1, 5)).toEqual(['w e', 'l o', 's t</w>', 'e we']);
  });

  test('the order of the captions does not matter', () => {
    expect(ClipTokenizer.train(captions.toReversed(), 530).files()).toEqual(
      ClipTokenizer.train(captions, 530).files(),
    );
  });

  test('has the size asked for, however little there is to merge', () => {
    const tokenizer = ClipTokenizer.train(['ab', 'ab'], 600);
    expect([tokenizer.vocabSize, tokenizer.startToken, tokenizer.endToken]).toEqual([600, 598, 599]);
    // The only pair that occurs twice is a+b</w>: the first id after the 512 byte symbols.
    expect(idsOf(tokenizer, 'AB a', 5)).toEqual([598, 512, 256 + 64, 599, 599]);
    expect(JSON.parse(tokenizer.files()['vocab.json'] as string)).toMatchObject({ '<|unused0|>': 513 });
  });

  test('below 514 ids the bytes that cannot occur go, and every text still has ids', () => {
    const tokenizer = ClipTokenizer.train(captions, 400);
    expect([tokenizer.vocabSize, tokenizer.startToken, tokenizer.endToken]).toEqual([400, 398, 399]);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const ids = idsOf(tokenizer, text, 64);
        expect(ids.every((id) => id >= 0 && id < 400)).toBe(true);
      }),
    );
    expect(() => ClipTokenizer.train(captions, 300)).toThrow(TriptychError);
  });

  test('files and back is the identity', () => {
    const tokenizer = ClipTokenizer.train(captions, 520);
    const files = tokenizer.files() as { 'vocab.json': string; 'merges.txt': string };
    const again = ClipTokenizer.fromFiles(files);
    expect(again.files()).toEqual(files);
    expect(idsOf(again, 'the newest low tower', 24)).toEqual(idsOf(tokenizer, 'the newest low tower', 24));
  });

  test('special tokens in a caption are ordinary text', () => {
    const tokenizer = ClipTokenizer.train(captions, 600);
    const ids = idsOf(tokenizer, 'low <|endoftext|> low', 40);
    expect(ids.indexOf(tokenizer.endToken)).toBeGreaterThan(10);
  });
});

test('files that do not fit together are refused with the token that is missing', () => {
  const vocabulary = JSON.stringify({ a: 0, '<|startoftext|>': 1, '<|endoftext|>': 2 });
  const load = (vocab: string, merges: string) => () =>
    ClipTokenizer.fromFiles({ 'vocab.json': vocab, 'merges.txt': merges });
  expect(load(vocabulary, 'a b</w>')).toThrow('"ab</w>"');
  expect(load('{"a":0}', '')).toThrow('<|startoftext|>');
  expect(load('{"a":0,"b":0}', '')).toThrow('distinct');
  expect(load('{', '')).toThrow('not valid JSON');
});
