/** Which tokens a sample becomes, and which of them are learnt: OpenFlamingo's rules, and what is refused. */
import type { Content } from '@triptych/datasets';
import { expect, test } from 'vitest';
import type { FlamingoConfig } from './config.ts';
import { flamingoTokenizer, initialFlamingoFiles } from './files.ts';
import { FlamingoText } from './flamingo-text.ts';
import type { FlamingoInputs } from './inputs.ts';
import { flamingoPresets } from './presets.ts';
import type { TokenSequence } from './sequence-writer.ts';

const config: FlamingoConfig = flamingoPresets['flamingo-tiny'].config;
const files = initialFlamingoFiles(config, ['a red square', 'Question:What is it? Short answer:blue']);
const tokenizer = flamingoTokenizer(config, files);
const defaults: FlamingoInputs = {
  captionTemplate: '{caption}',
  questionTemplate: 'Question:{question} Short answer:{answer}',
  separator: '\n',
  maxTokens: 128,
  maxImages: 6,
  tooLong: 'refuse',
};
const textOf = (inputs: Partial<FlamingoInputs> = {}) =>
  new FlamingoText(tokenizer, config, { ...defaults, ...inputs });
const sample = (content: Content, images = 1) => ({ id: 'one', content, images, choose: () => 0 });

/** Learnt tokens in brackets, neighbours together. */
function told({ ids, supervised }: TokenSequence): string {
  const parts: { learnt: boolean; ids: number[] }[] = [];
  for (const [i, id] of ids.entries()) {
    const last = parts.at(-1);
    if (last !== undefined && last.learnt === supervised[i]) last.ids.push(id);
    else parts.push({ learnt: supervised[i]!, ids: [id] });
  }
  return parts
    .map((part) => {
      const text = tokenizer.decode(part.ids);
      return part.learnt ? `[${text}]` : text;
    })
    .join('');
}

test('a caption is learnt whole, with the end of its chunk and of the text', () => {
  const caption: Content = { kind: 'captions', texts: ['a red square'] };
  expect(told(textOf().sample(sample(caption)))).toBe('<s><image>[a red square<|endofchunk|></s>]');
  const asked = textOf({ captionTemplate: 'Output:{caption}' });
  expect(told(asked.sample(sample(caption)))).toBe('<s><image>Output:[a red square<|endofchunk|></s>]');
});

test('of a question the answer is learnt', () => {
  const question: Content = { kind: 'question', question: 'Is it <image> $& red?', answers: ['no', 'yes'] };
  const sequence = textOf().sample({ ...sample(question, 2), choose: () => 1 });
  expect(told(sequence)).toBe(
    '<s><image><image>Question:Is it <image> $& red? Short answer:[yes<|endofchunk|>]',
  );
  expect(sequence.images).toEqual([0, 1]);
  // What spells a special token in a text is none.
  expect(sequence.ids.filter((id) => id === config.image_token_id)).toHaveLength(2);
});

test('of a document what follows a picture is learnt, and the end of what is said of it', () => {
  const parts = ['before', { image: 1 }, ' red ', 'blue ', { image: 0 }, 'square'];
  const sequence = textOf().sample(sample({ kind: 'interleaved', parts }, 2));
  expect(told(sequence)).toBe('<s>before<image>[red  blue<|endofchunk|>]<image>[square<|endofchunk|>]');
  expect(sequence.images).toEqual([1, 0]);
});

test('a prompt ends where the answer begins; demonstrations are complete, pictures counted on', () => {
  const picture = new Uint8Array(3);
  const shot = (answer: string, pictures: Uint8Array[]) => ({
    content: { kind: 'question' as const, question: 'What?', answers: [answer] },
    pictures,
  });
  const prompt = textOf().prompt({
    content: { kind: 'question', question: 'Who?', answers: [] },
    pictures: [picture],
    shots: [shot('red', [picture]), shot('blue', [])],
  });
  expect(tokenizer.decode(prompt.ids)).toBe(
    '<s><image>Question:What? Short answer:red<|endofchunk|>\n' +
      'Question:What? Short answer:blue<|endofchunk|>\n<image>Question:Who? Short answer:',
  );
  expect(prompt.images).toEqual([0, 1]);
  const caption = textOf().prompt({
    content: { kind: 'captions', texts: [] },
    pictures: [picture],
    shots: [],
  });
  expect(tokenizer.decode(caption.ids)).toBe('<s><image>');
});

test('what is too long is refused, or cut where the run says so', () => {
  const long: Content = { kind: 'captions', texts: ['a red square '.repeat(60)] };
  expect(() => textOf().sample(sample(long))).toThrow(
    /Sample one: it has \d+ tokens.*raise inputs.maxTokens/,
  );
  expect(textOf({ tooLong: 'cut' }).sample(sample(long)).ids).toHaveLength(128);
  const parts = [{ image: 0 }, 'red', { image: 1 }, 'blue'];
  const cut = textOf({ tooLong: 'cut', maxImages: 1 }).sample(sample({ kind: 'interleaved', parts }, 2));
  expect(told(cut)).toBe('<s><image>[red<|endofchunk|>]');
  expect(cut.images).toEqual([0]);
});

test('a sample with nothing to learn is refused, and so is what cannot be told', () => {
  const refused = (content: Content) => () => textOf().sample(sample(content));
  expect(refused({ kind: 'interleaved', parts: ['no picture'] })).toThrow(/no token of it would be learnt/);
  expect(refused({ kind: 'question', question: 'What?', answers: [] })).toThrow(/without an answer/);
  expect(refused({ kind: 'conversation', turns: [] })).toThrow(/got conversation/);
});

test('a tokenizer with other ids is refused', () => {
  const other = { ...config, image_token_id: 510, end_of_chunk_token_id: 511 };
  expect(() => flamingoTokenizer(other, files)).toThrow(
    /<image> has id 511, image_token_id says 510.*<\|endofchunk\|> has id 510, end_of_chunk_token_id says 511/,
  );
});
