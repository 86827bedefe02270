/** What is odd about a sample's texts without making it unusable: reported, and kept as it is. */
import type { Content } from '../content.ts';
import type { SourceSample } from '../sample.ts';
import type { ProblemLog } from './problems.ts';

/** Marks of tokenizers and chat templates. `<image>` is one too, but where a conversation shows an image. */
const SPECIAL = /<\|[a-z0-9_]{2,30}\|>|<\/?s>|<unk>|<pad>|\[\/?INST\]|<<\/?SYS>>/i;
const SPECIAL_OR_IMAGE = new RegExp(`${SPECIAL.source}|<image>`, 'i');
/** NUL, and halves of a surrogate pair without the other. */
const isDamaged = (text: string): boolean => text.includes('\0') || /\p{Surrogate}/u.test(text);

export function reportRemarks({ id, content }: SourceSample, problems: ProblemLog): void {
  const special = content.kind === 'conversation' ? SPECIAL : SPECIAL_OR_IMAGE;
  for (const text of textsOf(content)) {
    const [mark] = special.exec(text) ?? [];
    if (mark !== undefined) problems.add('special-token', `${id}: ${mark} in "${text}"`);
    if (isDamaged(text)) problems.add('damaged-text', `${id}: "${text}"`);
  }
}

function textsOf(content: Content): readonly string[] {
  switch (content.kind) {
    case 'captions':
      return content.texts;
    case 'question':
      return [content.question, ...new Set(content.answers)];
    case 'conversation':
      return content.turns.map(({ text }) => text);
    case 'interleaved':
      return content.parts.filter((part) => typeof part === 'string');
  }
}
