/** Several questions about one picture in one text: the option of a run, and how many of them a text has room for. */
import type { SampleTokens } from '@triptych/datasets';
import { Type } from 'typebox';
import type { AnsweredQuestion, Example } from './model.ts';

export const QuestionsTogether = Type.Integer({
  minimum: 1,
  maximum: 64,
  default: 1,
  description:
    'At most so many questions about the same picture are trained on in one text, one after the other, as far as they fit; an epoch still begins with each question once',
});

/** The text with the most companions that has at most `maxTokens`; undefined where not one fits, or none is wanted. */
export function withCompanions(
  {
    content,
    companions,
  }: Pick<Example, 'content'> & { readonly companions?: Example['companions'] | undefined },
  { questionsTogether, maxTokens }: { readonly questionsTogether: number; readonly maxTokens: number },
  encode: (companions: readonly AnsweredQuestion[]) => SampleTokens,
): SampleTokens | undefined {
  if (content.kind !== 'question' || questionsTogether === 1) return undefined;
  const all = companions?.(questionsTogether - 1) ?? [];
  for (let count = all.length; count > 0; count--) {
    const text = encode(all.slice(0, count));
    if (text.ids.length <= maxTokens) return text;
  }
  return undefined;
}
