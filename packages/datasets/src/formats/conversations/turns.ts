/**
 * Turns as LLaVA writes them (`{ from, value }`) and as OpenAI, TRL and LLaMA-Factory do (`{ role, content }`, where content is text or
 * parts: text, `image_url`, an image of the entry's list). An image stands in the text of the turn as `<image>`; parts are joined by line ends.
 */
import { show } from '@triptych/protocol';
import type { Role, Turn } from '../../content.ts';
import { IMAGE_TAG } from '../../sample.ts';

export interface SpokenTurns {
  readonly turns: readonly Turn[];
  /** For each `<image>`: what is shown there; undefined: the next one of the entry's own list. */
  readonly shown: readonly unknown[];
}

/** Or what is wrong with them. */
export function turnsOf(list: unknown): SpokenTurns | string {
  if (!Array.isArray(list)) return `expected a list of turns, got ${show(list)}`;
  const turns: Turn[] = [];
  const shown: unknown[] = [];
  for (const [n, turn] of list.entries()) {
    const fields = (typeof turn === 'object' && turn !== null ? turn : {}) as Fields;
    const speaker = fields['from'] ?? fields['role'];
    const role = typeof speaker === 'string' && Object.hasOwn(roles, speaker) ? roles[speaker] : undefined;
    if (!role)
      return `turn ${n + 1}: expected a speaker of ${Object.keys(roles).join(', ')}, got ${show(speaker)}`;
    const parts = partsOf(fields['value'] ?? fields['content']);
    if (typeof parts === 'string') return `turn ${n + 1}: ${parts}`;
    for (const part of parts)
      if ('image' in part) shown.push(part.image);
      else
        shown.push(
          ...part.text
            .split(IMAGE_TAG)
            .slice(1)
            .map(() => undefined),
        );
    turns.push({ role, text: parts.map((part) => ('image' in part ? IMAGE_TAG : part.text)).join('\n') });
  }
  return { turns, shown };
}

/** The turns, with the images of the entry's list that no turn speaks of before the first question, as TRL does. */
export function withImagesFirst(turns: readonly Turn[], count: number): Turn[] {
  const first = turns.findIndex(({ role }) => role === 'user');
  return turns.map((turn, n) =>
    n === first ? { ...turn, text: `${`${IMAGE_TAG}\n`.repeat(count)}${turn.text}` } : turn,
  );
}

type Fields = Readonly<Record<string, unknown>>;
type Part = { readonly text: string } | { readonly image: unknown };

/** What the speakers are called. */
const roles: Readonly<Record<string, Role>> = {
  system: 'system',
  developer: 'system',
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  assistant: 'assistant',
};

function partsOf(content: unknown): Part[] | string {
  if (typeof content === 'string') return [{ text: content }];
  if (!Array.isArray(content)) return `expected a text, got ${show(content)}`;
  const parts: Part[] = [];
  for (const part of content) {
    const fields = (typeof part === 'object' && part !== null ? part : {}) as Fields;
    const { type } = fields;
    if (typeof part === 'string') parts.push({ text: part });
    else if ((type === 'text' || type === 'input_text') && typeof fields['text'] === 'string')
      parts.push({ text: fields['text'] });
    else if (type === 'image_url' || type === 'input_image' || type === 'image')
      parts.push({ image: imageOf(fields) });
    else return `expected parts of text, image and image_url, got ${show(part)}`;
  }
  return parts;
}

/** TRL's `{ type: 'image' }` is the next one of the entry's list; others say which. */
function imageOf(fields: Fields): unknown {
  const image = fields['image_url'] ?? fields['image'] ?? fields['url'] ?? fields['path'] ?? undefined;
  return typeof image === 'object' && image !== null && 'url' in image ? image.url : image;
}
