import { type Decoder, selectBackend, tf } from '@triptych/nn';
import { beforeAll, expect, test } from 'vitest';
import { generatedText } from './generated-text.ts';

beforeAll(() => selectBackend({ backend: 'cpu' }));

const limits = { maxNewTokens: 20, beams: 1, temperature: 0, topP: 1, seed: 0, lengthPenalty: 0 };
const pieces = ['<end>', 'a', ' cat', ' Out', 'put', ':', 'side', '\ufffd', '\ufffd\ufffd'];

/** Says the same tokens whatever was asked, then the end. */
function script(...texts: number[][]): Decoder {
  let at = -1;
  let alive = texts;
  const next = () => {
    at++;
    const rows = alive.map((tokens) => pieces.map((_, token) => (token === (tokens[at] ?? 0) ? 9 : 0)));
    return tf.tensor2d(rows);
  };
  return {
    get batch() {
      return alive.length;
    },
    prefill: next,
    step: next,
    select: (sequences) => {
      alive = Array.from(sequences, (sequence) => alive[sequence]!);
    },
  };
}

const decode = (ids: readonly number[]) =>
  ids
    .map((id) => pieces[id])
    .join('')
    .replace('\ufffd\ufffd\ufffd', 'é');

async function told(decoder: Decoder, options: { beams?: number; words?: string[][] } = {}) {
  const found: [number, string][] = [];
  const { beams = 1, words: stopWords = [] } = options;
  const decoding = { decode, stopTokens: [0], stopWords, limits: { ...limits, beams } };
  for await (const { index, text } of generatedText(decoder, decoding)) found.push([index, text]);
  return found;
}

test('texts come token by token, each with its prompt', async () => {
  expect(await told(script([1, 2], [2]))).toEqual([
    [0, 'a'],
    [1, ' cat'],
    [0, ' cat'],
  ]);
});

test('a text ends before a stop word, of which nothing is told beforehand', async () => {
  expect(await told(script([1, 2, 3, 4, 5, 1]), { words: [['Output']] })).toEqual([
    [0, 'a'],
    [0, ' cat'],
    [0, ' '],
  ]);
  // "Out" alone was not the word.
  expect((await told(script([1, 3, 6]), { words: [['Output']] })).map(([, text]) => text).join('')).toBe(
    'a Outside',
  );
  expect(await told(script([1, 2, 3, 4]), { words: [['Output']], beams: 2 })).toEqual([[0, 'a cat ']]);
});

test('a character in several tokens is told when it is whole', async () => {
  expect(await told(script([1, 7, 8, 2]))).toEqual([
    [0, 'a'],
    [0, 'é'],
    [0, ' cat'],
  ]);
});
