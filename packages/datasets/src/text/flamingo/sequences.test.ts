import fc from 'fast-check';
import { expect, test } from 'vitest';
import { learnTokenizer } from '../learn-tokenizer.ts';
import { preview } from '../sequence/preview.ts';
import {
  encodeFewShotPrompt,
  encodeInterleaved,
  encodePairs,
  type Fields,
  flamingoTokenizer,
  interleavedLabels,
} from './sequences.ts';
import { type FlamingoTemplate, flamingoTemplates } from './templates.ts';

const tokenizer = flamingoTokenizer(
  learnTokenizer(['a red star', 'a blue ring'], { vocabSize: 300, special: ['<image>', '<|endofchunk|>'] }),
);
const shown = (sample: Parameters<typeof preview>[0]) => preview(sample, tokenizer).text;
const { pair, caption, vqa } = flamingoTemplates;
const encodePair = (
  fields: Fields,
  ...rest: [template: FlamingoTemplate, options: Parameters<typeof encodePairs>[2]]
) => encodePairs([{ images: 1, pairs: [fields] }], ...rest);

test('pairs: everything is learnt but the image, or the answer alone', () => {
  expect(shown(encodePair({ caption: ' a red star ' }, pair, { tokenizer }))).toBe(
    '<s><image>«a red star<|endofchunk|></s>»',
  );
  const asked = { question: 'What?', answer: 'a star' };
  expect(shown(encodePair(asked, vqa, { tokenizer }))).toBe(
    '<s><image>«Question:What? Short answer:a star<|endofchunk|></s>»',
  );
  expect(shown(encodePair(asked, vqa, { tokenizer, labels: 'answer' }))).toBe(
    '<s><image>Question:What? Short answer:«a star<|endofchunk|></s>»',
  );
  expect(() => encodePair({ question: 'What?' }, vqa, { tokenizer })).toThrow('{answer}');
  expect(() => encodePair({ answer: 'x' }, vqa, { tokenizer })).toThrow('{question}');
  expect(() => encodePair({ caption: ' ' }, pair, { tokenizer })).toThrow('empty text');
});

test('several samples in one text: each begins with its pictures, and the text ends once', () => {
  const text = encodePairs(
    [
      { images: 1, pairs: [{ question: 'What?', answer: 'a star' }] },
      {
        images: 2,
        pairs: [
          { question: 'Which?', answer: 'red' },
          { question: 'Where?', answer: 'here' },
        ],
      },
    ],
    vqa,
    { tokenizer, labels: 'answer' },
  );
  expect(shown(text)).toBe(
    '<s><image>Question:What? Short answer:«a star<|endofchunk|>»\n' +
      '<image><image>Question:Which? Short answer:«red<|endofchunk|>»\n' +
      'Question:Where? Short answer:«here<|endofchunk|></s>»',
  );
  expect(text.images.map(({ image }) => image)).toEqual([0, 1, 2]);
});

test('a long pair is cut', () => {
  const sample = encodePair({ caption: 'a red star '.repeat(50) }, pair, { tokenizer, contextLength: 32 });
  expect(sample.ids).toHaveLength(32);
});

test('documents: nothing before the first image, nothing after the last end of chunk', () => {
  const parts = ['Before. ', { image: 1 }, ' One', 'more ', { image: 0 }, 'two.', { image: 2 }];
  const sample = encodeInterleaved({ kind: 'interleaved', parts }, { tokenizer, images: 3 });
  expect(shown(sample)).toBe(
    '<s>Before.<image>«One more<|endofchunk|>»<image>«two.<|endofchunk|>»<image>«<|endofchunk|>»</s>',
  );
  expect(sample.images.map(({ image }) => image)).toEqual([1, 0, 2]);
});

test('a document that is cut shows fewer images', () => {
  const parts = [{ image: 0 }, 'one', { image: 1 }, 'two'];
  const whole = encodeInterleaved({ kind: 'interleaved', parts }, { tokenizer, images: 2 });
  const at = whole.images[1]?.at as number;
  const cut = encodeInterleaved({ kind: 'interleaved', parts }, { tokenizer, images: 2, contextLength: at });
  expect(cut.images).toHaveLength(1);
  expect(cut.ids).toEqual(whole.ids.slice(0, at));
});

test('documents whose images do not match, and documents without labels', () => {
  const encode = (parts: (string | { image: number })[], images: number) => () =>
    encodeInterleaved({ kind: 'interleaved', parts }, { tokenizer, images });
  expect(encode([{ image: 0 }, 'a'], 2)).toThrow('shows the images 0 and the sample has 2');
  expect(encode([{ image: 1 }, 'a'], 1)).toThrow('0 to 0');
  expect(encode(['text only'], 0)).toThrow('no text follows');
});

/** OpenFlamingo's train_utils.py, loop by loop. */
function reference(ids: readonly number[], image: number, endOfChunk: number, pad: number): number[] {
  const labels: number[] = ids.map((id) => (id === pad ? -100 : id));
  let i = 0;
  while (i < labels.length && labels[i] !== image) labels[i++] = -100;
  const ends = labels.flatMap((label, n) => (label === endOfChunk ? [n] : []));
  for (const end of ends)
    for (let n = end + 1; n < labels.length && labels[n] !== image; n += 1) labels[n] = -100;
  return labels.map((label) => (label === image || label === -100 ? 0 : 1));
}

test('the label rule is the one of the reference on any ids', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }), (ids) => {
      const marks = interleavedLabels(Int32Array.from(ids), { image: 0, endOfChunk: 1, pad: 2 });
      expect([...marks]).toEqual(reference(ids, 0, 1, 2));
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test('demonstrations come first, each with its image and end', () => {
  const demonstrations = [
    { question: 'Colour?', answer: 'red' },
    { question: 'Shape?', answer: 'star' },
  ];
  const prompt = encodeFewShotPrompt({ question: 'Size?' }, vqa, { tokenizer, demonstrations });
  expect(shown(prompt)).toBe(
    '<s><image>Question:Colour? Short answer:red<|endofchunk|>\n<image>Question:Shape? Short answer:star<|endofchunk|>\n<image>Question:Size? Short answer:',
  );
  expect(prompt.images).toHaveLength(3);
  const zero = encodeFewShotPrompt({}, caption, {
    tokenizer,
    demonstrations: [{ caption: 'a ring' }],
    textOnly: true,
  });
  expect(shown(zero)).toBe('<s>Output:a ring<|endofchunk|>\n<image>Output:');
  expect(zero.images).toHaveLength(1);
});
