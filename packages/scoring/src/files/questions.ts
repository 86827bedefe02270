/** Questions with what is right about them, by id: lists of objects, as most data sets of questions have them. */

import { firstOf, type MissingPolicy, matched, readTexts } from './predicted-texts.ts';
import { counted, type ProblemLog, shown } from './problems.ts';
import { type Fields, idOf, isObject, type ScoreFile, type ScoreFiles } from './score-file.ts';

export interface QuestionFormat<Q> {
  /** The list is the file, or this field of it. */
  readonly list?: string;
  readonly form: string;
  /** What the entry says; `wrong` is a problem, and no question. */
  read(
    entry: Fields,
    at: { readonly id: string; wrong(expected: string, actual: unknown): undefined },
  ): Q | undefined;
}

/** The fields that hold an id, the first one of them that an entry has. */
const ID = ['question_id', 'id', 'image_id'];

export interface Questions<Q> {
  readonly ids: readonly string[];
  readonly questions: readonly Q[];
}

export function readQuestions<Q extends object>(
  { name, content }: ScoreFile,
  format: QuestionFormat<Q>,
  problems: ProblemLog,
): Questions<Q> {
  const found = new Map<string, Q>();
  const repeated: string[] = [];
  for (const [place, entry] of entriesOf(content, format)) {
    const fault = (expected: string, actual: unknown) =>
      problems.addAt(place, {
        path: name,
        expected,
        actual: shown(actual),
        remedy: 'correct or leave out the entry',
      });
    if (!isObject(entry)) {
      fault('an object', entry);
      continue;
    }
    const id = idOf(firstOf(entry, ID));
    if (id === undefined) {
      fault(`an id in "${ID[0]}"`, firstOf(entry, ID));
      continue;
    }
    const question = format.read(entry, {
      id,
      wrong: (expected, actual) => void fault(expected, actual) as undefined,
    });
    if (question && found.has(id)) repeated.push(id);
    else if (question) found.set(id, question);
  }
  if (repeated.length > 0)
    problems.add({
      path: name,
      expected: 'one question for each id',
      actual: `several for ${counted(repeated, 'id')}`,
      remedy: 'keep one of them',
    });
  if (found.size === 0 && problems.all.length === 0)
    problems.add({
      path: name,
      expected: format.form,
      actual: shown(content),
      remedy: 'give the references of the split',
    });
  return { ids: [...found.keys()], questions: [...found.values()] };
}

function entriesOf(content: unknown, { list }: QuestionFormat<object>): [string, unknown][] {
  const entries =
    isObject(content) && list !== undefined && content[list] !== undefined ? content[list] : content;
  if (Array.isArray(entries)) return entries.map((entry, i) => [`entry ${i}`, entry]);
  if (!isObject(entries)) return [];
  return Object.entries(entries).map(([key, entry]) => [
    key,
    isObject(entry) ? { [ID[0]!]: key, ...entry } : entry,
  ]);
}

/** What is drawn together: the image, where the entry names one. */
export function imageOf(entry: Fields, id: string): string {
  const image = idOf(firstOf(entry, ['image_id', 'image']));
  return image === undefined ? `question ${id}` : `image ${image}`;
}

export interface Answered<Q> {
  readonly ids: readonly string[];
  readonly asked: readonly (Q & { readonly prediction: string })[];
}

/** The questions that are scored, each with what was predicted. */
export function answeredQuestions<Q extends object>(
  { predictions, references }: Pick<ScoreFiles, 'predictions' | 'references'>,
  {
    format,
    missing,
    problems,
  }: {
    readonly format: QuestionFormat<Q>;
    readonly missing: MissingPolicy;
    readonly problems: ProblemLog;
  },
): Answered<Q> {
  const texts = readTexts(predictions, { id: ID, text: ['answer', 'text', 'prediction'] }, problems);
  const known = readQuestions(references, format, problems);
  const wanted = { what: 'question', ids: known.ids, missing, predictions, references };
  const { places, texts: chosen } = matched(texts, wanted, problems);
  problems.throwIfAny();
  return {
    ids: places.map((place) => known.ids[place]!),
    asked: places.map((place, i) => ({ ...known.questions[place]!, prediction: chosen[i]! })),
  };
}
