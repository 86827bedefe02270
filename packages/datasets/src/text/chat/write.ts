/** Writes a conversation as segments by a template that is data. */
import { TriptychError } from '@triptych/protocol';
import type { Turn } from '../../content.ts';
import type { Tokenizer } from '../hugging-face/tokenizer.ts';
import { type Segment, splitAtImages, splitAtTokens } from '../sequence/segments.ts';
import type { WrittenTemplate } from './written-templates.ts';

/** Answers and what ends them are supervised, nothing else. An open conversation ends with the template's prompt. */
export function writeConversation(
  turns: readonly Turn[],
  template: WrittenTemplate,
  tokenizer: Tokenizer,
): Segment[] {
  const given = turns[0]?.role === 'system' ? turns[0].text : template.defaultSystem;
  const spoken = turns.filter(({ role }) => role !== 'system');
  const inFirstTurn = template.user.includes('{system}');
  const system = given === '' ? [] : fill(template.system, tokenizer, { system: ordinary(given) });
  const segments: Segment[] = inFirstTurn ? [] : [...system];
  for (const [n, { role, text }] of spoken.entries()) {
    if (role === 'assistant') {
      segments.push(...learnt(fill(template.answer, tokenizer, { text: ordinary(text) })));
      segments.push(...learnt(fill(template.end, tokenizer, {})));
      continue;
    }
    if (n > 0) segments.push(...fill(template.between, tokenizer, {}));
    const written = splitAtImages(text);
    const images = written.filter(({ kind }) => kind === 'image');
    segments.push(
      ...fill(template.user, tokenizer, { text: written, images, system: n === 0 ? system : [] }),
      ...fill(template.prompt, tokenizer, {}),
    );
  }
  // What ends the last answer but is not learnt: transformers' templates write it too.
  if (spoken.at(-1)?.role === 'assistant' && template.between.trim() === '')
    segments.push(...fill(template.between, tokenizer, {}));
  return segments;
}

const ordinary = (text: string): Segment[] => [{ kind: 'text', text, supervised: false }];

const learnt = (segments: readonly Segment[]): Segment[] =>
  segments.map((segment) => (segment.kind === 'image' ? segment : { ...segment, supervised: true }));

/** Text of the template may be special tokens; what is filled in is taken as it comes. */
function fill(
  pattern: string,
  tokenizer: Tokenizer,
  values: Readonly<Record<string, readonly Segment[]>>,
): Segment[] {
  return pattern.split(/(\{[a-z]+\}|<\|[a-z_]+\|>)/).flatMap((part): readonly Segment[] => {
    const name = /^\{([a-z]+)\}$/.exec(part)?.[1];
    if (name === 'bos' || name === 'eos')
      return [{ kind: 'token', token: ownToken(tokenizer, name), supervised: false }];
    if (name !== undefined) return values[name] ?? [];
    // Whether the tokenizer has it is said where it is encoded.
    if (part.startsWith('<|')) return [{ kind: 'token', token: part, supervised: false }];
    return splitAtTokens(part, tokenizer, { supervised: false });
  });
}

function ownToken(tokenizer: Tokenizer, name: 'bos' | 'eos'): string {
  const id = name === 'bos' ? tokenizer.bosToken : tokenizer.eosToken;
  const token = id === undefined ? undefined : tokenizer.tokenOf(id);
  if (token !== undefined) return token;
  throw new TriptychError(
    'MODEL_INVALID',
    `tokenizer_config.json: the chat template needs ${name}_token, got none; name it there, or choose another template`,
  );
}
