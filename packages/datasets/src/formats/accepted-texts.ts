import { show } from '@triptych/protocol';
import type { ProblemLog } from '../pack/problems.ts';

/**
 * The captions that are text, trimmed; the others are problems, each counted. Undefined where none is left, which is a problem of the
 * sample. `where` is the entry they stand in.
 */
export function acceptedTexts(
  captions: readonly unknown[],
  { problems, where }: { problems: ProblemLog; where: string },
): string[] | undefined {
  const texts: string[] = [];
  const others: unknown[] = [];
  for (const caption of captions) {
    const text = typeof caption === 'string' ? caption.trim() : '';
    if (text === '') others.push(caption);
    else texts.push(text);
  }
  const kind = texts.length === 0 ? 'no-caption' : 'empty-caption';
  const got = others.length === 0 ? 'none' : others.map(show).join(', ');
  if (texts.length === 0) problems.add(kind, `${where}: expected a caption, got ${got}`);
  else if (others.length > 0) problems.add(kind, `${where}: expected a caption, got ${got}`, others.length);
  return texts.length === 0 ? undefined : texts;
}
