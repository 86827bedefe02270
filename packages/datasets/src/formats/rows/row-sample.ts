/** A row of a table as a sample, by what its columns are. */
import type { Split } from '@triptych/protocol';
import type { Content } from '../../content.ts';
import { finding } from '../../pack/problems.ts';
import type { SourceSample } from '../../sample.ts';
import { zeroShotPrompts } from '../../text/prompts.ts';
import { acceptedTexts } from '../accepted-texts.ts';
import { conversationSample } from '../conversations/conversation-sample.ts';
import type { Reading } from '../format.ts';
import type { ImageCells } from '../image-cells.ts';
import { splitNamed } from '../split-name.ts';
import type { Columns } from './columns.ts';

export interface RowContext {
  readonly columns: Columns;
  /** Of rows that name none themselves. */
  readonly split: Split;
  readonly cells: ImageCells;
  readonly reading: Reading;
}

/** Undefined, and a problem, where it is none. `where` is the row: no other has it. */
export async function rowSample(
  row: Readonly<Record<string, unknown>>,
  where: string,
  { columns, cells, reading, ...context }: RowContext,
): Promise<SourceSample | undefined> {
  const { problems } = reading;
  const named = row['split'];
  const split = named === undefined ? context.split : splitNamed(String(named));
  if (!split) {
    problems.add('unknown-split', finding(where, 'train, validation or test', named));
    return undefined;
  }
  const cell = columns.image === undefined ? undefined : row[columns.image];
  if (columns.kind === 'conversation')
    return conversationSample(
      { turns: row[columns.text], images: cell, imagesFirst: columns.text.toLowerCase() === 'messages' },
      { where, split, cells, reading, id: () => where },
    );
  const said = contentOf(row, columns, { where, problems });
  if (!said) return undefined;
  const images = Array.isArray(cell) ? await cells.all(cell, where) : await cells.all([cell], where);
  return images && { id: where, split, images, ...said };
}

function contentOf(
  row: Readonly<Record<string, unknown>>,
  columns: Columns,
  { where, problems }: { where: string; problems: Reading['problems'] },
): { readonly content: Content; readonly className?: string } | undefined {
  const value = row[columns.text];
  if (columns.kind === 'captions') {
    const texts = acceptedTexts([value].flat(), { problems, where });
    return texts && { content: { kind: 'captions', texts } };
  }
  const text = typeof value === 'string' ? value.trim() : '';
  if (text === '') {
    problems.add('malformed-sample', finding(where, `a text in ${columns.text}`, value));
    return undefined;
  }
  if (columns.kind === 'class')
    return { content: { kind: 'captions', texts: zeroShotPrompts(text, 'plain') }, className: text };
  const answers = [row[columns.answers as string]]
    .flat()
    .map((one) => (typeof one === 'object' && one !== null && 'answer' in one ? one.answer : one))
    .filter((one): one is string => typeof one === 'string' && one.trim() !== '');
  if (answers.length > 0) return { content: { kind: 'question', question: text, answers } };
  problems.add('no-answer', finding(where, 'an answer', row[columns.answers as string]));
  return undefined;
}
