import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { learnTokenizer } from './learn-tokenizer.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../fixtures/tokenizers/learnt/${name}`, import.meta.url), 'utf8');
const corpus = JSON.parse(fixture('corpus.json')) as string[];
const options = { vocabSize: 400, special: ['<image>', '<|endofchunk|>'], contextLength: 256 };

// tokenizer.test.ts compares this folder with transformers, text by text.
test('writes the folder that transformers was asked about, whatever the order of the texts', () => {
  for (const texts of [corpus, corpus.toReversed()])
    for (const [name, content] of Object.entries(learnTokenizer(texts, options).files()))
      expect(content, name).toBe(fixture(name));
});

test('special tokens come first, then bytes, then merges', () => {
  const tokenizer = learnTokenizer(['aa aa aa'], { ...options, vocabSize: 264 });
  expect([tokenizer.unkToken, tokenizer.bosToken, tokenizer.eosToken, tokenizer.padToken]).toEqual([
    0, 1, 2, 3,
  ]);
  expect([tokenizer.special('<image>'), tokenizer.special('<|endofchunk|>')]).toEqual([4, 5]);
  expect([tokenizer.vocabSize, tokenizer.contextLength]).toEqual([264, 256]);
  // a+a occurs three times, space+aa twice: 262 and 263, and nothing is left to fill.
  expect(tokenizer.encode('aa aa')).toEqual([1, 262, 263]);
});

test('has the size asked for, and no text gives what fills it', () => {
  const tokenizer = learnTokenizer(['ab ab'], { vocabSize: 300 });
  expect(tokenizer.vocabSize).toBe(300);
  const filled = tokenizer.idOf('<|unused0|>') as number;
  expect(filled).toBeLessThan(300);
  expect(tokenizer.encode('<|unused0|>').every((id) => id < filled)).toBe(true);
  expect(() => learnTokenizer([], { vocabSize: 259 })).toThrow('at least 260');
});

test('any text comes back', () => {
  const tokenizer = learnTokenizer(corpus, options);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      // A lone surrogate has no bytes.
      const whole = Buffer.from(text).toString();
      expect(tokenizer.decode(tokenizer.encodePiece(whole, 'start'))).toBe(whole);
    }),
    { seed: 1 },
  );
});

test('a caption of 100,000 letters does not hold up learning', () => {
  const tokenizer = learnTokenizer([...corpus, 'x'.repeat(100_000)], options);
  expect(tokenizer.encode('x'.repeat(100_000)).length).toBeLessThan(10_000);
});
