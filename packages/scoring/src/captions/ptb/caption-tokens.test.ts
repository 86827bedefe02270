import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { draws } from '../../testing/draws.ts';
import { captionTokens } from './caption-tokens.ts';

const { captions, tokens }: { captions: string[]; tokens: string[] } = JSON.parse(
  readFileSync(new URL('fixtures/reference.json', import.meta.url)).toString(),
);

test('captions, tricky spellings and random strings are cut as by PTBTokenizer 3.4.1', () => {
  expect(captions.length).toBeGreaterThan(300);
  expect(captionTokens(captions)).toEqual(tokens);
});

test.each([
  ["The man's dog can't eat, don't you think?", "the man 's dog ca n't eat do n't you think"],
  [
    'A black-and-white (small) cat... and/or "two" dogs!',
    'a black-and-white -lrb- small -rrb- cat and/or two dogs',
  ],
  ['Mr. Smith of the U.S. at 5 p.m.', 'mr. smith of the u.s. at 5 p.m.'],
  ["I'm gonna say 'tis 10,000 km; it cannot be.", "i 'm gon na say 't is 10,000 km it can not be"],
  // British spellings stay: the tokenizer's option to change them is off.
  ['a grey harbour', 'a grey harbour'],
  ['', ''],
])('%s', (caption, wanted) => {
  expect(captionTokens([caption])).toEqual([wanted]);
});

test("a letter's period depends on the next caption's first word", () => {
  expect(captionTokens(['plan B.', 'The cat'])).toEqual(['plan b', 'the cat']);
  expect(captionTokens(['plan B.', 'Two cats'])).toEqual(['plan b.', 'two cats']);
});

test('white space at the end of an address is not part of it', () => {
  expect(captionTokens(['http://x.y/z\u00a0', 'a'])).toEqual(['http://x.y/z', 'a']);
  // The reference strips lines before it leaves out punctuation.
  expect(captionTokens(['at me@x.org\u2003 .'])).toEqual(['at me@x.org\u2003']);
});

test('a line end inside a caption is a space, so that captions stay apart', () => {
  expect(captionTokens(['a\ncat', 'a\r\ndog', 'a\u2028cow'])).toEqual(['a cat', 'a dog', 'a cow']);
});

test('a caption of 100,000 letters and marks is read in linear time', () => {
  const start = performance.now();
  expect(captionTokens(['x'.repeat(100_000)])[0]).toHaveLength(100_000);
  // Half a second where each character costs a few rules; quadratic time would be minutes.
  expect(performance.now() - start).toBeLessThan(20_000);
});

test('what is taken without the rules is what the rules would take', () => {
  const random = draws(11);
  const pieces = [
    ...[
      'a',
      'A',
      'cat',
      'Cats',
      'st',
      'St',
      'Mr',
      'etc',
      'co',
      'Co',
      'pte',
      'ca',
      'no',
      'No',
      'fig',
      'U',
      'us',
      'gonna',
    ],
    ...[
      'Cannot',
      'wanna',
      'ed',
      'ph',
      'dog.c',
      'x.y',
      'Miss',
      'miss',
      'The',
      'the',
      'Two',
      '3',
      '10',
      'ltd',
      'www',
      'com',
    ],
    ...[
      '.',
      '..',
      '. . .',
      ',',
      '?',
      '!',
      '?!',
      ';',
      ':',
      "'",
      "'s",
      "n't",
      '-',
      '--',
      '/',
      '@',
      '&',
      '$',
      '(',
      ')',
      '%',
    ],
    ...[' ', ' ', ' ', ' ', '  ', '\n', '\t', '\u00a0', '\u00e9', '\u{1F600}', '\u200b'],
  ];
  for (let trial = 0; trial < 100; trial++) {
    const captions = Array.from({ length: 3 }, () =>
      Array.from({ length: 14 }, () => random.pick(pieces)).join(''),
    );
    expect(captionTokens(captions), JSON.stringify(captions)).toEqual(
      captionTokens(captions, { byRulesAlone: true }),
    );
  }
});
