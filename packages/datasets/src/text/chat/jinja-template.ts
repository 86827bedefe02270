/**
 * A tokenizer folder's own chat template, in Jinja. Which part of the rendered text is an answer is not said by such a template, so it
 * is found: by `{% generation %}` where the template has it, and otherwise by rendering the conversation turn by turn.
 */
import { Template } from '@huggingface/jinja';
import { TriptychError } from '@triptych/protocol';
import type { Turn } from '../../content.ts';
import { IMAGE_TAG } from '../../sample.ts';
import type { Tokenizer } from '../hugging-face/tokenizer.ts';
import { type Segment, splitAtTokens } from '../sequence/segments.ts';

export interface JinjaTemplate {
  readonly kind: 'jinja';
  readonly source: string;
}

interface Part {
  readonly text: string;
  readonly supervised: boolean;
}

/**
 * Answers and the token that ends each are supervised, nothing else. `image`: the token that the template writes for an image.
 * INVALID_INPUT where the answers cannot be told from the rest, and where a turn spells a special token.
 */
export function renderConversation(
  turns: readonly Turn[],
  {
    template,
    tokenizer,
    image,
  }: { readonly template: JinjaTemplate; readonly tokenizer: Tokenizer; readonly image: string },
): Segment[] {
  refuseTokens(turns, tokenizer);
  const messages = turns.map((turn) => message(turn, template.source));
  const render = renderer(template.source, tokenizer);
  const open = turns.at(-1)?.role === 'user';
  const parts = open
    ? [{ text: render(messages, true).replaceAll(marks, ''), supervised: false }]
    : tags.test(template.source)
      ? tagged(messages, render, tokenizer)
      : prefixes(messages, render, tokenizer);
  return spacesWithWords(parts).flatMap(({ text, supervised }) =>
    splitAtTokens(text, tokenizer, { supervised, image }),
  );
}

type Render = (messages: readonly Message[], prompt: boolean) => string;

interface Message {
  readonly role: string;
  readonly content: string | readonly { readonly type: 'text' | 'image'; readonly text?: string }[];
}

/** Templates of vision models go through lists of parts; whether one does shows in what it asks of a part. */
const wantsParts = (source: string): boolean =>
  /\b(?:content|part|item|chunk)(?:\[\s*['"]type['"]\s*\]|\.type\b)|selectattr\(\s*['"]type['"]/.test(source);

function message({ role, text }: Turn, source: string): Message {
  if (!wantsParts(source)) return { role, content: text };
  const content = text.split(IMAGE_TAG).flatMap((part, n) => {
    const words = part.trim();
    return [
      ...(n > 0 ? [{ type: 'image' as const }] : []),
      ...(words === '' ? [] : [{ type: 'text' as const, text: words }]),
    ];
  });
  return { role, content };
}

function renderer(source: string, tokenizer: Tokenizer): Render {
  // What is learnt may not depend on the day: to the template there is no clock, and most have a date of their own then.
  const template = guarded(() => new Template(marked(source.replaceAll('strftime_now', 'no_clock'))));
  const nameOf = (id: number | undefined) => (id === undefined ? '' : tokenizer.tokenOf(id));
  return (messages, prompt) =>
    guarded(() =>
      template.render({
        messages,
        add_generation_prompt: prompt,
        bos_token: nameOf(tokenizer.bosToken),
        eos_token: nameOf(tokenizer.eosToken),
        pad_token: nameOf(tokenizer.padToken),
        unk_token: nameOf(tokenizer.unkToken),
      }),
    );
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalid(`it refuses the conversation or does not run here (${why})`, cause);
  }
}

const invalid = (why: string, cause?: unknown): TriptychError =>
  new TriptychError(
    'INVALID_INPUT',
    `The tokenizer's chat template cannot be used: ${why}; choose a template by name (vicuna_v1, llama_2, chatml, plain), or add {% generation %} around the answer in chat_template.jinja`,
    { cause },
  );

/** A rendered text is cut at special tokens; those in a turn would be taken for the template's. */
function refuseTokens(turns: readonly Turn[], tokenizer: Tokenizer): void {
  for (const [n, { text }] of turns.entries()) {
    const token = tokenizer
      .splitAtSpecial(text)
      .find((part) => part !== IMAGE_TAG && tokenizer.specialTokens.has(part));
    if (token !== undefined)
      throw new TriptychError(
        'INVALID_INPUT',
        `Turn ${n + 1} spells the special token ${JSON.stringify(token)}, which a Jinja template cannot keep apart from its own; remove it from the text, or choose a template by name`,
      );
  }
}

/** With its white space, as `trim_blocks` and `lstrip_blocks` of transformers take it. */
const tags = /(^[ \t]*)?\{%(-?)\s*(end)?generation\s*(-?)%\}(\n)?/m;
const [BEGIN, END] = ['\ufdd0', '\ufdd1'];

const marks = /[\ufdd0\ufdd1]/g;

/**
 * The library drops the tags, and white space control then reaches across them, which it does not in Python. Non-characters of
 * Unicode in their place keep it where it is, and say where the answers are.
 */
const marked = (source: string): string =>
  source.replace(
    new RegExp(tags, 'gm'),
    (_, _start, left, end, right) => `{{${left} '${end ? END : BEGIN}' ${right}}}`,
  );

function tagged(messages: readonly Message[], render: Render, tokenizer: Tokenizer): Part[] {
  const text = render(messages, false);
  const parts = text.split(/\ufdd0([^\ufdd0\ufdd1]*)\ufdd1/);
  const answers = messages.filter(({ role }) => role === 'assistant').length;
  if (parts.length !== 2 * answers + 1)
    throw invalid(
      `expected {% generation %} around each of the ${answers} answers, got it ${(parts.length - 1) / 2} times`,
    );
  return withEnds(parts, tokenizer);
}

/** Texts and answers in turn. The token that follows every answer ends it, and is learnt even where the tags leave it out. */
function withEnds(parts: readonly string[], tokenizer: Tokenizer): Part[] {
  const followers = parts
    .filter((_, n) => n > 0 && n % 2 === 0)
    .map((text) => tokenizer.splitAtSpecial(text)[0] ?? '');
  const [end = ''] = followers;
  const ends = tokenizer.specialTokens.has(end) && followers.every((follower) => follower === end);
  return parts.flatMap((text, n): Part[] => {
    if (n % 2 === 1) return [{ text, supervised: true }];
    if (n === 0 || !ends) return [{ text, supervised: false }];
    return [
      { text: end, supervised: true },
      { text: text.slice(end.length), supervised: false },
    ];
  });
}

/** Renders up to each answer, with the prompt for it, and including it: the difference is the answer. */
function prefixes(messages: readonly Message[], render: Render, tokenizer: Tokenizer): Part[] {
  const whole = render(messages, false);
  const parts: Part[] = [];
  let done = 0;
  for (const [n, { role }] of messages.entries()) {
    if (role !== 'assistant') continue;
    const before = render(messages.slice(0, n), true);
    const after = render(messages.slice(0, n + 1), false);
    if (!whole.startsWith(after) || !after.startsWith(before) || before.length < done)
      throw invalid(
        `the text up to turn ${n + 1} is not how the text with it begins (${difference(before, after, whole)}), so its answer cannot be found`,
      );
    const answer = after.slice(before.length);
    const learnt = upToLastToken(answer, tokenizer);
    parts.push(
      { text: whole.slice(done, before.length), supervised: false },
      { text: learnt, supervised: true },
    );
    done = before.length + learnt.length;
  }
  return [...parts, { text: whole.slice(done), supervised: false }];
}

/** What follows the token that ends the answer, such as a line break, belongs to no one. Without such a token all is learnt. */
function upToLastToken(answer: string, tokenizer: Tokenizer): string {
  const parts = tokenizer.splitAtSpecial(answer);
  const last = parts.findLastIndex((part) => tokenizer.specialTokens.has(part));
  return last < 0 ? answer : parts.slice(0, last + 1).join('');
}

function difference(before: string, after: string, whole: string): string {
  const [expected, actual] = after.startsWith(before) ? [after, whole] : [before, after];
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at += 1;
  const near = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 20));
  return `expected ${near(expected)}, got ${near(actual)}`;
}

/** Spaces at the end of a part go to the next one, with whose first word they are one token. */
function spacesWithWords(parts: readonly Part[]): Part[] {
  const result: Part[] = [];
  let carried = '';
  for (const [n, { text, supervised }] of parts.entries()) {
    const whole = carried + text;
    const last = parts.slice(n + 1).every((part) => part.text === '');
    const kept = last ? whole : whole.replace(/ +$/, '');
    carried = whole.slice(kept.length);
    if (kept !== '') result.push({ text: kept, supervised });
  }
  return result;
}
