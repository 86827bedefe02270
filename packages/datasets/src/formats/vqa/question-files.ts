/**
 * The files of the visual question answering data sets, value by value, in one shape:
 * - VQAv2: questions and annotations in two files, `{ questions: [...] }` and `{ annotations: [...] }`, joined by question_id;
 * - TextVQA: `{ data: [{ question_id, image_id, question, answers }] }`;
 * - VizWiz: a list of `{ image, question, answers: [{ answer }] }`.
 */
import { extname } from 'node:path';
import { finding, type ProblemLog } from '../../pack/problems.ts';
import { jsonItems } from '../../source/json-items.ts';
import type { Source } from '../../source/source.ts';
import { reportUnread } from '../unread-item.ts';

export interface AskedQuestion {
  readonly id: string;
  /** A number or a name, as the file has it. */
  readonly image: string;
  readonly question: string;
  /** Undefined: they are in another file. */
  readonly answers?: readonly string[];
  /** Its entry, for messages. */
  readonly where: string;
  /** "train2014": the folder and the names of the images carry it. */
  readonly subtype: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** What cannot be read, and what has no question, is a problem. */
export async function* questionsOf(
  source: Source,
  path: string,
  problems: ProblemLog,
): AsyncGenerator<AskedQuestion> {
  let subtype = '';
  for await (const entry of entriesOf(source, path, { lists: ['questions', 'data'], problems })) {
    const { fields, where, field } = entry;
    if (field === 'data_subtype' && typeof entry.value === 'string') subtype = entry.value;
    if (!fields) continue;
    const question = fields['question'];
    const id = idOf(fields['question_id']) || idOf(fields['id']) || String(entry.position);
    const image = idOf(fields['image_id']) || idOf(fields['image']);
    if (typeof question !== 'string' || question.trim() === '')
      problems.add('malformed-sample', finding(where, 'a question', question));
    else if (image === '') problems.add('malformed-sample', finding(where, 'image_id or image', undefined));
    else
      yield {
        id,
        image,
        question: question.trim(),
        where,
        subtype,
        ...('answers' in fields ? { answers: answersOf(fields) } : {}),
      };
  }
}

/** Ten answers each in VQAv2; the one of `multiple_choice_answer` where there are none. */
export async function* annotationsOf(
  source: Source,
  path: string,
  problems: ProblemLog,
): AsyncGenerator<{
  readonly question: string;
  readonly answers: readonly string[];
  readonly where: string;
}> {
  for await (const { fields, where } of entriesOf(source, path, { lists: ['annotations'], problems }))
    if (fields && 'question_id' in fields)
      yield { question: idOf(fields['question_id']), answers: answersOf(fields), where };
}

/** What speaks for questions with their answers beside them, in the first entries of a file; nothing else is read. */
export async function saysQuestions(source: Source, path: string): Promise<boolean> {
  try {
    for await (const { scope, list, value } of jsonItems(source, path, [
      'questions',
      'data',
      'annotations',
      'images',
    ])) {
      if (scope !== 'entry' || typeof value !== 'object' || value === null) continue;
      return (
        ['', 'data', 'questions'].includes(list) &&
        'question' in value &&
        'answers' in value &&
        ('image_id' in value || 'image' in value)
      );
    }
  } catch {
    // The format that is chosen reports it.
  }
  return false;
}

export const isJson = (name: string): boolean => extname(name) === '.json';

interface ReadEntry {
  readonly fields?: Fields;
  readonly where: string;
  readonly position: number;
  readonly field?: string;
  readonly value?: unknown;
}

async function* entriesOf(
  source: Source,
  path: string,
  { lists, problems }: { lists: readonly string[]; problems: ProblemLog },
): AsyncGenerator<ReadEntry> {
  let position = 0;
  for await (const item of jsonItems(source, path, lists)) {
    const { scope, list, value } = item;
    const where = `${path}, ${item.place}`;
    if (reportUnread(item, { path, problems })) continue;
    if (scope === 'field') yield { field: list, value, where, position };
    else if (typeof value !== 'object' || value === null || Array.isArray(value))
      problems.add('unreadable-entry', finding(where, 'an object', value));
    else {
      yield { fields: value as Fields, where, position };
      position += 1;
    }
  }
}

function answersOf(fields: Fields): string[] {
  const list = fields['answers'];
  const given = Array.isArray(list) ? list.map(answerOf) : [];
  return (given.length > 0 ? given : [fields['multiple_choice_answer'] ?? fields['answer']]).filter(
    (answer): answer is string => typeof answer === 'string' && answer.trim() !== '',
  );
}

const answerOf = (one: unknown): unknown =>
  typeof one === 'string' ? one : (one as Fields | null)?.['answer'];

const idOf = (value: unknown): string =>
  typeof value === 'string' || Number.isFinite(value) ? String(value) : '';
