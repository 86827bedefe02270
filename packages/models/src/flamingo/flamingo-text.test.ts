/** Which sequence a run makes of a sample or a prompt, and what is refused; the label rules are tested in datasets. */
import { type Content, preview, type SampleTokens } from '@triptych/datasets';
import { expect, test } from 'vitest';
import type { FlamingoConfig } from './config.ts';
import { flamingoTokenizer, initialFlamingoFiles } from './files.ts';
import { FlamingoText, type Told } from './flamingo-text.ts';
import type { FlamingoInputs } from './inputs.ts';
import { flamingoPresets } from './presets.ts';

const config: FlamingoConfig = flamingoPresets['flamingo-tiny'].config;
const files = initialFlamingoFiles(config, ['a red square', 'Question:What is it? Short answer:blue']);
const tokenizer = flamingoTokenizer(config, files);
const defaults: FlamingoInputs = {
  captionTemplate: 'pair',
  questionTemplate: 'vqa',
  learnQuestions: false,
  maxTokens: 128,
  maxImages: 6,
  tooLong: 'refuse',
  questionsTogether: 1,
  demonstrations: 0,
};
const textOf = (inputs: Partial<FlamingoInputs> = {}) =>
  new FlamingoText(tokenizer, { ...defaults, ...inputs });
const textOfSample = (inputs: Partial<FlamingoInputs>, told: Told) => textOf(inputs).sample(told).tokens;
const sample = (content: Content, images = 1) => ({ id: 'one', content, images, choose: () => 0 });
const shown = (tokens: SampleTokens) => preview(tokens, tokenizer).text;
const caption: Content = { kind: 'captions', texts: ['a red square'] };
const question: Content = { kind: 'question', question: 'Is it <image> $& red?', answers: ['no', 'yes'] };

test('a vocabulary that was learnt spells what stands around a question in a few tokens', () => {
  const words = ['what', 'is', 'it', 'red', 'yes', 'no'];
  const learnt = flamingoTokenizer(config, initialFlamingoFiles(config, words));
  const tokens = (text: string) => learnt.encodePiece(text, 'text').map((id) => learnt.decode([id]));
  expect(['Question:', ' Short answer:', 'Output:'].map(tokens)).toEqual([
    ['Question', ':'],
    [' Short', ' answer', ':'],
    ['Output', ':'],
  ]);
});

test('samples take the templates of the run, and the alternative that is chosen', () => {
  expect(shown(textOfSample({}, sample(caption)))).toBe('<s><image>«a red square<|endofchunk|></s>»');
  expect(shown(textOfSample({ captionTemplate: 'caption' }, sample(caption)))).toBe(
    '<s><image>«Output:a red square<|endofchunk|></s>»',
  );
  const answered = textOfSample({}, { ...sample(question, 2), choose: () => 1 });
  expect(shown(answered)).toBe(
    '<s><image><image>Question:Is it <image> $& red? Short answer:«yes<|endofchunk|></s>»',
  );
  // What spells a special token in a text is none.
  expect([...answered.ids].filter((id) => id === config.image_token_id)).toHaveLength(2);
  expect(shown(textOfSample({ learnQuestions: true }, sample(question)))).toContain('<image>«Question:');
});

test('questions about the same picture follow each other in one text, as far as they fit', () => {
  const asked = (count: number) =>
    ['Big?', 'Red?', 'Old?']
      .slice(0, count)
      .map((question, i) => ({ question, answer: i === 0 ? 'no' : 'yes' }));
  const first: Content = { kind: 'question', question: 'What?', answers: ['blue'] };
  const told = (inputs: Partial<FlamingoInputs>) =>
    shown(textOfSample(inputs, { ...sample(first), companions: asked }));
  const whole =
    '<s><image>Question:What? Short answer:«blue<|endofchunk|>»\nQuestion:Big? Short answer:«no<|endofchunk|>»\nQuestion:Red? Short answer:«yes<|endofchunk|></s>»';
  expect(told({ questionsTogether: 3 })).toBe(whole);
  expect(told({})).toBe('<s><image>Question:What? Short answer:«blue<|endofchunk|></s>»');
  const { ids } = textOfSample({ questionsTogether: 3 }, { ...sample(first), companions: asked });
  expect(told({ questionsTogether: 4, maxTokens: ids.length })).toBe(whole);
  expect(told({ questionsTogether: 3, maxTokens: ids.length - 1 })).not.toContain('Red?');
  expect(shown(textOfSample({ questionsTogether: 3 }, { ...sample(caption), companions: asked }))).toBe(
    '<s><image>«a red square<|endofchunk|></s>»',
  );
});

test('other samples stand in front as demonstrations, as many as fit, and all of it is learnt', () => {
  const asked = (id: string, answer: string) => ({
    ...sample({ kind: 'question', question: `${id}?`, answers: [answer] }),
    id,
  });
  const others = [asked('a', 'red'), asked('b', 'blue')];
  const told = {
    ...asked('c', 'no'),
    companions: (count: number) => [{ question: 'd?', answer: 'yes' }].slice(0, count),
    demonstrations: (count: number) => others.slice(0, count) as never,
  };
  const whole = textOf({ demonstrations: 2 }).sample(told);
  expect(shown(whole.tokens)).toBe(
    '<s><image>Question:a? Short answer:«red<|endofchunk|>»\n' +
      '<image>Question:b? Short answer:«blue<|endofchunk|>»\n' +
      '<image>Question:c? Short answer:«no<|endofchunk|></s>»',
  );
  expect(whole.samples.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  const ids = (inputs: Partial<FlamingoInputs>) =>
    textOf({ demonstrations: 2, ...inputs })
      .sample(told)
      .samples.map(({ id }) => id);
  expect(ids({ maxTokens: whole.tokens.ids.length })).toEqual(['a', 'b', 'c']);
  expect(ids({ maxTokens: whole.tokens.ids.length - 1 })).toEqual(['a', 'c']);
  expect(ids({ maxImages: 1 })).toEqual(['c']);
  expect(ids({ demonstrations: 0 })).toEqual(['c']);
  expect(shown(textOf({ demonstrations: 1, questionsTogether: 2 }).sample(told).tokens)).toBe(
    '<s><image>Question:a? Short answer:«red<|endofchunk|>»\n' +
      '<image>Question:c? Short answer:«no<|endofchunk|>»\n' +
      'Question:d? Short answer:«yes<|endofchunk|></s>»',
  );
});

test('a prompt ends where the answer begins; its demonstrations are complete', () => {
  const picture = new Uint8Array(3);
  const shot = (answer: string, pictures: Uint8Array[]) => ({
    content: { kind: 'question' as const, question: 'What?', answers: [answer] },
    pictures,
  });
  const asked = { content: { ...question, question: 'Who?', answers: [] }, pictures: [picture] };
  const prompt = (...shots: ReturnType<typeof shot>[]) => textOf().prompt({ ...asked, shots });
  expect(shown(prompt(shot('red', [picture])))).toBe(
    '<s><image>Question:What? Short answer:red<|endofchunk|>\n<image>Question:Who? Short answer:',
  );
  expect(shown(prompt(shot('red', []), shot('no', [])))).toBe(
    '<s>Question:What? Short answer:red<|endofchunk|>\nQuestion:What? Short answer:no<|endofchunk|>\n' +
      '<image>Question:Who? Short answer:',
  );
  expect(() => prompt(shot('red', [picture]), shot('no', []))).toThrow(
    'A demonstration is of kind "question" with 0 pictures, the prompt is of kind "question" with 1 pictures',
  );
  const described = textOf().prompt({ content: { ...caption, texts: [] }, pictures: [picture], shots: [] });
  expect(shown(described)).toBe('<s><image>');
});

test('what is too long is refused, or cut where the run says so', () => {
  const long: Content = { kind: 'captions', texts: ['a red square '.repeat(60)] };
  expect(() => textOfSample({}, sample(long))).toThrow(/Sample one: \d+ tokens.*raise inputs.maxTokens/);
  expect(textOfSample({ tooLong: 'cut' }, sample(long)).ids).toHaveLength(128);
  const parts = [{ image: 0 }, 'red', { image: 1 }, 'blue'];
  const cut = textOfSample({ tooLong: 'cut', maxImages: 1 }, sample({ kind: 'interleaved', parts }, 2));
  expect(shown(cut)).toBe('<s><image>«red<|endofchunk|>»');
  expect(cut.images).toHaveLength(1);
});

test('a sample with nothing to learn is refused, and so is what has no template', () => {
  const refused = (content: Content) => () => textOfSample({}, sample(content));
  expect(refused({ kind: 'interleaved', parts: [{ image: 0 }] })).not.toThrow();
  expect(refused({ kind: 'captions', texts: [' '] })).toThrow(/Sample one: .*empty text/);
  expect(refused({ kind: 'question', question: 'What?', answers: [] })).toThrow(/nothing to answer with/);
  expect(refused({ kind: 'conversation', turns: [] })).toThrow(
    /no template for content of kind "conversation"/,
  );
});

test('a tokenizer with other ids is refused', () => {
  const other = { ...config, image_token_id: 510, end_of_chunk_token_id: 511 };
  expect(() => flamingoTokenizer(other, files)).toThrow(
    /<image> has id 511, image_token_id says 510.*<\|endofchunk\|> has id 510, end_of_chunk_token_id says 511/,
  );
});
