import { readdirSync, readFileSync } from 'node:fs';
import { TriptychError } from '@triptych/protocol';
import { describe, expect, test } from 'vitest';
import type { Turn } from '../../content.ts';
import { Tokenizer } from '../hugging-face/tokenizer.ts';
import { preview } from '../sequence/preview.ts';
import { type Segment, writtenOut } from '../sequence/segments.ts';
import { conversationSegments, encodeConversation } from './encode-conversation.ts';

interface Golden {
  readonly template: string;
  readonly turns: Turn[];
  readonly text: string;
  readonly prompt: string;
  readonly ids: number[];
  readonly mask?: number[];
}

const fixtures = new URL('../../../fixtures/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('chat-templates/cases.json', fixtures), 'utf8')) as {
  readonly tokens: string[];
  readonly templates: Record<string, string>;
  readonly cases: Golden[];
};
const folder = new URL('tokenizers/learnt/', fixtures);
const tokenizer = Tokenizer.fromFiles(
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')])),
).withSpecialTokens(golden.tokens);

const optionsFor = (source: string, images: number) => ({
  tokenizer,
  template: { kind: 'jinja', source } as const,
  images,
  placement: 'as-given' as const,
});
const imagesOf = (turns: readonly Turn[]) =>
  turns.map(({ text }) => text.split('<image>').length - 1).reduce((a, b) => a + b, 0);
const learnt = (segments: readonly Segment[]) =>
  segments.flatMap((segment) =>
    segment.kind !== 'image' && segment.supervised ? [writtenOut([segment])] : [],
  );

describe.each(Object.entries(golden.templates))('%s', (name, source) => {
  const cases = golden.cases.filter(({ template }) => template === name);

  test('writes what transformers writes, open and closed', () => {
    expect(cases).toHaveLength(3);
    for (const { turns, text, prompt } of cases) {
      const options = optionsFor(source, imagesOf(turns));
      expect(writtenOut(conversationSegments(turns, options, { open: false }))).toBe(text);
      expect(writtenOut(conversationSegments(turns.slice(0, -1), options, { open: true }))).toBe(prompt);
    }
  });

  test('has the ids of transformers', () => {
    for (const { turns, ids } of cases)
      expect([...encodeConversation(turns, optionsFor(source, imagesOf(turns))).ids]).toEqual(ids);
  });

  test('answers are learnt with what ends them, and nothing else', () => {
    // Ends as each template writes them; the space that Llama 2 puts before its end is part of what is learnt.
    // That of chatml-generation has a line break inside its tags.
    const ends: Record<string, string> = {
      llava: ' ',
      'llama-2': ' </s>',
      'llama-3': '<|eot_id|>',
      vicuna: '</s>',
      chatml: '<|im_end|>',
      'chatml-generation': '<|im_end|>\n',
    };
    const end = ends[name] as string;
    for (const { turns } of cases) {
      const answers = turns.filter(({ role }) => role === 'assistant').map(({ text }) => text);
      const segments = conversationSegments(turns, optionsFor(source, imagesOf(turns)), { open: false });
      const text = learnt(segments).join('').replaceAll(/^ /g, '');
      // A space between an answer and the next turn goes with the next turn's first word.
      const expected = answers.map(
        (answer, n) => answer + (name === 'llava' && n + 1 < answers.length ? '' : end),
      );
      expect(text.replaceAll('</s> ', '</s>')).toBe(expected.join(name === 'llava' ? ' ' : ''));
    }
  });
});

test('the labels are the assistant masks of transformers', () => {
  // Not with LLaVA's template: its tags begin after a space and end with one, and transformers marks the token of each character
  // in them: the next turn's " USER" too, and not the space with which an answer begins.
  const compared = golden.cases.filter(({ template, mask }) => mask !== undefined && template !== 'llava');
  expect(compared).toHaveLength(3);
  for (const { template, turns, mask } of compared) {
    const sample = encodeConversation(
      turns,
      optionsFor(golden.templates[template] as string, imagesOf(turns)),
    );
    expect([...sample.supervised], preview(sample, tokenizer).text).toEqual(mask);
  }
});

describe('where the answers cannot be found it says so', () => {
  const turns: Turn[] = [
    { role: 'user', text: 'a' },
    { role: 'assistant', text: 'b' },
    { role: 'user', text: 'c' },
    { role: 'assistant', text: 'd' },
  ];
  const encode =
    (source: string, given = turns) =>
    () =>
      encodeConversation(given, optionsFor(source, 0));

  test.each([
    [
      'earlier turns change',
      "{% for m in messages %}{{ loop.revindex ~ m['content'] }}{% endfor %}",
      'turn 2',
    ],
    [
      'the prompt is not how the answer begins',
      "{% for m in messages %}{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}!{% endif %}",
      'turn 2',
    ],
    [
      'tags around one answer only',
      "{% for m in messages %}{% if loop.last %}{% generation %}{{ m['content'] }}{% endgeneration %}{% else %}{{ m['content'] }}{% endif %}{% endfor %}",
      'got it 1 times',
    ],
    ['a template that refuses', "{{ raise_exception('no system') }}", 'no system'],
    ['a template that does not parse', '{% for %}', 'does not run here'],
    [
      'images that it does not write',
      "{{ '<image>' }}{% for m in messages %}{{ m['content'] }}{% endfor %}",
      '1 image token',
    ],
  ])('%s', (_, source, message) => {
    expect(encode(source)).toThrow(TriptychError);
    expect(encode(source)).toThrow(message);
  });

  test('a turn that spells a special token', () => {
    expect(
      encode("{% for m in messages %}{{ m['content'] }}{% endfor %}", [
        turns[0] as Turn,
        { role: 'assistant', text: 'x</s>y' },
      ]),
    ).toThrow(/Turn 2 spells the special token "<\/s>"/);
  });
});
