/** Predictions that are texts (captions, answers), by id, from the formats in which result files come; and those that are wanted of them. */
import { counted, type ProblemLog, shown } from './problems.ts';
import { type Fields, idOf, isObject, type ScoreFile } from './score-file.ts';

export interface TextFormat {
  /** What holds the id: the first of these fields that an entry has. */
  readonly id: readonly string[];
  readonly text: readonly string[];
}

/** What to do about a sample without a prediction: it is an error, it is not scored, or its text is empty. */
export const missingPolicies = ['refuse', 'leave-out', 'empty'] as const;
export type MissingPolicy = (typeof missingPolicies)[number];

/** A list of entries with these fields, or one object from ids to texts. */
export function readTexts(file: ScoreFile, format: TextFormat, problems: ProblemLog): Map<string, string> {
  const texts = new Map<string, string>();
  const repeated = new Map<string, number>();
  for (const { place, id, text } of entriesOf(file, format, problems)) {
    const at = (expected: string, actual: unknown, remedy: string) =>
      problems.addAt(place, { path: file.name, expected, actual: shown(actual), remedy });
    const key = idOf(id);
    if (key === undefined)
      at(`an id in "${format.id[0]}"`, id, 'give every entry the id of what it belongs to');
    if (typeof text !== 'string')
      at(`a text in "${format.text[0]}"`, text, 'write an empty text where there is none');
    if (key === undefined || typeof text !== 'string') continue;
    if (texts.has(key)) repeated.set(key, (repeated.get(key) ?? 1) + 1);
    else texts.set(key, text);
  }
  if (repeated.size > 0)
    problems.add({
      path: file.name,
      expected: 'one prediction for each id',
      actual: `several for ${counted(
        [...repeated].map(([id, times]) => `${id} (${times})`),
        'id',
      )}`,
      remedy: 'keep one of them; which would have been scored is not defined',
    });
  return texts;
}

interface Entry {
  readonly place: string;
  readonly id: unknown;
  readonly text: unknown;
}

function entriesOf({ name, content }: ScoreFile, format: TextFormat, problems: ProblemLog): Entry[] {
  if (Array.isArray(content))
    return content.flatMap((entry: unknown, i) => {
      const place = `entry ${i}`;
      if (isObject(entry))
        return [{ place, id: firstOf(entry, format.id), text: firstOf(entry, format.text) }];
      const expected = `objects with "${format.id[0]}" and "${format.text[0]}"`;
      problems.addAt(place, {
        path: name,
        expected,
        actual: shown(entry),
        remedy: 'correct or leave out the entry',
      });
      return [];
    });
  if (isObject(content))
    return Object.entries(content).map(([id, text]) => ({ place: id, id, text: textIn(text, format) }));
  problems.add({
    path: name,
    expected: `a list of objects with "${format.id[0]}" and "${format.text[0]}", or an object from ids to texts`,
    actual: shown(content),
    remedy: 'see triptych score --help for the formats',
  });
  return [];
}

/** `{ "17": ["a cat"] }` is a way of writing `{ "17": "a cat" }`. */
function textIn(value: unknown, format: TextFormat): unknown {
  if (Array.isArray(value) && value.length === 1) return value[0];
  return isObject(value) ? firstOf(value, format.text) : value;
}

export const firstOf = (entry: Fields, names: readonly string[]): unknown =>
  entry[names.find((name) => entry[name] !== undefined) ?? ''];

export interface Wanted {
  /** What one prediction belongs to: "image". */
  readonly what: string;
  /** All that can be scored, in the order in which it is. */
  readonly ids: readonly string[];
  readonly missing: MissingPolicy;
  readonly predictions: ScoreFile;
  readonly references: ScoreFile;
}

/** The places, in `ids`, of those that are scored, and their texts. */
export interface Matched {
  readonly places: readonly number[];
  readonly texts: readonly string[];
}

export function matched(texts: ReadonlyMap<string, string>, wanted: Wanted, problems: ProblemLog): Matched {
  const { what, ids, missing, predictions, references } = wanted;
  const known = new Set(ids);
  const unknown = [...texts.keys()].filter((id) => !known.has(id));
  // Without references everything would be unknown; that they are missing has been said.
  if (unknown.length > 0 && ids.length > 0)
    problems.add({
      path: predictions.name,
      expected: `ids of the ${ids.length} ${what}s in ${references.name}`,
      actual: `unknown ones, ${counted(unknown, 'id')}`,
      remedy: 'leave these predictions out, or give the references of the same split',
    });
  const without = ids.filter((id) => !texts.has(id));
  if (without.length > 0 && missing === 'refuse')
    problems.add({
      path: predictions.name,
      expected: `a prediction for each of the ${ids.length} ${what}s in ${references.name}`,
      actual: `none for ${counted(without, 'id')}`,
      remedy: `predict them, or say --missing leave-out (score the other ${ids.length - without.length}) or --missing empty (score empty texts)`,
    });
  const places = [...ids.keys()].filter((place) => missing === 'empty' || texts.has(ids[place]!));
  if (places.length === 0 && ids.length > 0 && unknown.length === 0 && missing === 'leave-out')
    problems.add({
      path: predictions.name,
      expected: 'one prediction at least',
      actual: 'none',
      remedy: 'give the file that the model wrote',
    });
  return { places, texts: places.map((place) => texts.get(ids[place]!) ?? '') };
}
