import { readdirSync, readFileSync } from 'node:fs';
import { TriptychError } from '@triptych/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Turn } from '../../content.ts';
import { Tokenizer } from '../hugging-face/tokenizer.ts';
import { preview } from '../sequence/preview.ts';
import { writtenOut } from '../sequence/segments.ts';
import { captionTurns, questionTurns } from './conversation.ts';
import {
  chatTemplate,
  conversationSegments,
  encodeChatPrompt,
  encodeConversation,
  stopTokens,
} from './encode-conversation.ts';
import { type WrittenTemplateName, writtenTemplates } from './written-templates.ts';

const load = (family: string) => {
  const folder = new URL(`../../../fixtures/tokenizers/${family}/`, import.meta.url);
  const files = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]);
  return Tokenizer.fromFiles(Object.fromEntries(files)).withSpecialTokens([
    '<image>',
    '<|im_start|>',
    '<|im_end|>',
  ]);
};
const tokenizer = load('learnt');
const turns: Turn[] = [
  { role: 'user', text: '<image>\nWhat is it?' },
  { role: 'assistant', text: 'A star.' },
  { role: 'user', text: 'Red?' },
  { role: 'assistant', text: 'Yes' },
];
const options = (name: WrittenTemplateName, given = tokenizer) => ({
  tokenizer: given,
  template: chatTemplate(name, given),
  images: 1,
});
const VICUNA = writtenTemplates.vicuna_v1.defaultSystem;
const LLAMA = writtenTemplates.llama_2.defaultSystem;

// The texts follow LLaVA's conversation.py by hand; «» stand around the labels.
test.each([
  [
    'vicuna_v1',
    `<s>${VICUNA} USER: <image>\nWhat is it? ASSISTANT:« A star.</s>»USER: Red? ASSISTANT:« Yes</s>»`,
  ],
  [
    'llama_2',
    `<s>[INST] <<SYS>>\n${LLAMA}\n<</SYS>>\n\n<image>\nWhat is it? [/INST]« A star. </s>»<s>[INST] Red? [/INST]« Yes </s>»`,
  ],
  [
    'chatml',
    '<s><|im_start|>user\n<image>\nWhat is it?<|im_end|>\n<|im_start|>assistant\n«A star.<|im_end|>»\n<|im_start|>user\nRed?<|im_end|>\n<|im_start|>assistant\n«Yes<|im_end|>»\n',
  ],
  ['plain', '<s><image>«A star.\n»«Yes\n»'.replace('»«', '')],
] as const)('%s writes and labels', (name, expected) => {
  const sample = encodeConversation(turns, options(name));
  const shown = preview(sample, tokenizer);
  expect(shown.text).toBe(expected);
  expect(shown.supervised).toBe(sample.supervised.reduce((a, b) => a + b, 0));
  expect(shown.tokens.filter((token) => token.supervised)).toHaveLength(shown.supervised);
});

test('a system turn takes the place of the default', () => {
  const given: Turn[] = [{ role: 'system', text: 'Be brief.' }, ...turns.slice(0, 2)];
  const text = (name: WrittenTemplateName) =>
    preview(encodeConversation(given, options(name)), tokenizer).text;
  expect(text('vicuna_v1')).toBe('<s>Be brief. USER: <image>\nWhat is it? ASSISTANT:« A star.</s>»');
  expect(text('chatml')).toContain('<s><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<image>');
  expect(text('llama_2')).toContain('[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n<image>\nWhat');
});

test('a prompt is how the whole conversation begins', () => {
  for (const name of ['vicuna_v1', 'llama_2', 'chatml'] as const) {
    const whole = encodeConversation(turns, options(name));
    const prompt = encodeChatPrompt(turns.slice(0, -1), options(name));
    expect([...whole.ids.subarray(0, prompt.ids.length)]).toEqual([...prompt.ids]);
    expect(prompt.supervised.includes(1)).toBe(false);
  }
  expect(stopTokens(writtenTemplates.vicuna_v1, tokenizer)).toEqual([tokenizer.eosToken]);
  expect(stopTokens(writtenTemplates.chatml, tokenizer)).toEqual([
    tokenizer.eosToken,
    tokenizer.special('<|im_end|>'),
  ]);
});

test('ids are those of the whole text where separators stand between words', () => {
  const sentence = fc
    .array(fc.stringMatching(/^[A-Za-z0-9]{1,8}[,.?]?$/), { minLength: 1, maxLength: 6 })
    .map((words) => words.join(' '));
  for (const family of ['learnt', 'llama-legacy', 'llama-5', 'llama-3', 'gpt-neox']) {
    const given = load(family);
    for (const name of ['vicuna_v1', 'chatml', 'llama_2', 'plain'] as const) {
      // Vocabularies without a start token cannot write Llama 2's.
      if (name === 'llama_2' && given.bosToken === undefined) continue;
      // After "assistant\n" Llama's vocabulary has no boundary of its own, but none of its tokens crosses a line break.
      fc.assert(
        fc.property(fc.array(fc.tuple(sentence, sentence), { minLength: 1, maxLength: 3 }), (rounds) => {
          const spoken = rounds.flatMap(([user, assistant], n): Turn[] => [
            { role: 'user', text: n === 0 ? `<image>\n${user}` : user },
            { role: 'assistant', text: assistant },
          ]);
          const at = options(name, given);
          const whole = writtenOut(conversationSegments(spoken, at, { open: false }));
          expect([...encodeConversation(spoken, { ...at, contextLength: 1e6 }).ids]).toEqual(
            given.encode(whole),
          );
        }),
        { numRuns: 15, seed: 1 },
      );
    }
  }
});

test('special tokens that people write are ordinary text', () => {
  const sample = encodeConversation(
    [turns[0] as Turn, { role: 'assistant', text: 'an </s> and <s>html</s>' }],
    options('vicuna_v1'),
  );
  expect([...sample.ids].filter((id) => id === tokenizer.eosToken)).toHaveLength(1);
  expect(sample.ids.at(-1)).toBe(tokenizer.eosToken);
});

describe('images', () => {
  const user = (text: string): Turn[] => [
    { role: 'user', text },
    { role: 'assistant', text: 'x' },
  ];
  const text = (given: string, images: number, placement: 'front' | 'as-given') =>
    preview(encodeConversation(user(given), { ...options('chatml'), images, placement }), tokenizer)
      .text.slice('<s><|im_start|>user\n'.length)
      .split('<|im_end|>')[0];

  test("the one image of a turn goes to its front, as LLaVA's preprocess_multimodal puts it; several stay", () => {
    expect(text('What is this? <image>', 1, 'front')).toBe('<image>\nWhat is this?');
    expect(text('What is this? <image>', 1, 'as-given')).toBe('What is this? <image>');
    expect(text('<image>', 1, 'front')).toBe('<image>');
    expect(text('From <image> to <image>?', 2, 'front')).toBe('From <image> to <image>?');
  });

  test('each is as many tokens as it has features, and none is learnt', () => {
    const sample = encodeConversation(user('<image> and <image>?'), {
      ...options('vicuna_v1'),
      images: 2,
      image: { perImage: 5 },
    });
    const id = tokenizer.special('<image>');
    expect(sample.images.map(({ image, length }) => [image, length])).toEqual([
      [0, 5],
      [1, 5],
    ]);
    for (const { at, length } of sample.images)
      expect([...sample.ids.subarray(at, at + length)]).toEqual(new Array(5).fill(id));
    expect([...sample.ids].filter((other) => other === id)).toHaveLength(10);
    expect([...sample.supervised].filter((mark, i) => mark === 1 && sample.ids[i] === id)).toEqual([]);
    expect(preview(sample, tokenizer).text).toContain('USER: <image>x5 and <image>x5?');
  });

  test('their number must match, and they belong to the user', () => {
    expect(() => encodeConversation(user('<image>?'), { ...options('vicuna_v1'), images: 2 })).toThrow(
      '1 image token and the sample has 2',
    );
    expect(() => encodeConversation(user('?'), { ...options('vicuna_v1'), images: 1 })).toThrow(
      TriptychError,
    );
    expect(() =>
      encodeConversation([turns[0] as Turn, { role: 'assistant', text: '<image>' }], options('vicuna_v1')),
    ).toThrow("the assistant's");
  });
});

describe('the context', () => {
  const at = { ...options('vicuna_v1'), image: { perImage: 20 } };
  const whole = encodeConversation(turns, at);

  test('the end is cut, labels at the start stay', () => {
    const first = whole.supervised.indexOf(1);
    const cut = encodeConversation(turns, { ...at, contextLength: first + 1 });
    expect(cut.ids).toEqual(whole.ids.slice(0, first + 1));
    expect(cut.images).toEqual(whole.images);
    expect(() => encodeConversation(turns, { ...at, contextLength: first })).toThrow(
      /have no label.*raise the context length/s,
    );
  });

  test("the tokenizer's own length counts where none is given", () => {
    expect(tokenizer.contextLength).toBe(256);
    const long = turns.map((turn) => ({
      ...turn,
      text: `${turn.text} ${'word '.repeat(turn.role === 'user' ? 5 : 200)}`,
    }));
    expect(encodeConversation(long, at).ids).toHaveLength(256);
  });

  test('an image is kept whole or not at all', () => {
    const second: Turn[] = [...turns.slice(0, 2), { role: 'user', text: 'And <image>?' }, turns[3] as Turn];
    const sample = encodeConversation(second, { ...at, images: 2 });
    const span = sample.images[1] as { at: number };
    const cut = encodeConversation(second, { ...at, images: 2, contextLength: span.at + 3 });
    expect(cut.images).toHaveLength(1);
    expect(cut.ids).toEqual(sample.ids.slice(0, span.at));
  });
});

test('every turn that is wrong is named', () => {
  const wrong = (given: Turn[]) => () => encodeConversation(given, options('vicuna_v1'));
  expect(wrong([])).toThrow("expected the assistant's, got none");
  expect(wrong(turns.slice(0, 3))).toThrow("expected the assistant's, got user");
  expect(wrong([turns[1] as Turn, turns[0] as Turn])).toThrow(
    /turn 1: expected user, got assistant \| turn 2: expected assistant/,
  );
  expect(wrong([turns[0] as Turn, { role: 'assistant', text: ' ' }])).toThrow('turn 2: expected a text');
});

test('a template that needs what the tokenizer lacks says what', () => {
  const bare = Tokenizer.fromFiles({
    'tokenizer.json': JSON.stringify({ model: { type: 'BPE', vocab: { a: 0 }, merges: [] } }),
  });
  const user: Turn[] = [
    { role: 'user', text: 'a' },
    { role: 'assistant', text: 'a' },
  ];
  const encode = (name: WrittenTemplateName) => () =>
    encodeConversation(user, { ...options(name, bare), images: 0 });
  expect(encode('vicuna_v1')).toThrow('eos_token');
  expect(encode('chatml')).toThrow('"<|im_start|>"');
  expect(() => chatTemplate('tokenizer', bare)).toThrow('chat_template.jinja');
  expect(chatTemplate('tokenizer', load('llama-legacy'))).toMatchObject({ kind: 'jinja' });
});

test('questions and captions are conversations', () => {
  expect(questionTurns({ question: 'What?', images: 2, answer: 'red' })).toEqual([
    { role: 'user', text: '<image>\n<image>\nWhat?\nAnswer the question using a single word or phrase.' },
    { role: 'assistant', text: 'red' },
  ]);
  const sample = encodeConversation(captionTurns('a red star'), options('plain'));
  expect(preview(sample, tokenizer).text).toBe('<s><image>«a red star\n»');
});
