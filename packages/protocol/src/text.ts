/**
 * Text that can be stored, sent and shown: no control characters but tab and line ends, no half of a surrogate pair. What
 * a user sends is held to it wherever it stands, also where a schema leaves the form open.
 */
import { type TStringOptions, Type } from 'typebox';
import type { Violation } from './errors.ts';
import { show } from './show.ts';

const CHARACTERS = '\\t\\n\\r\\u0020-\\u007e\\u00a0-\\ud7ff\\ue000-\\u{10ffff}';
const PATTERN = `^[${CHARACTERS}]*$`;
const NO_TEXT = new RegExp(`[^${CHARACTERS}]`, 'gu');
const isText = RegExp.prototype.test.bind(new RegExp(PATTERN, 'u'));

/** Every string of a request that has no narrower form. */
export const Text = (options: Omit<TStringOptions, 'pattern'> & { readonly maxLength: number }) =>
  Type.String({ ...options, pattern: PATTERN });

/** Text of somebody else's file as a message can quote it: what is no text is written as its escape, what is long is cut. */
export function quotable(text: string, longest = 500): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}...` : text;
  if (isText(cut)) return cut;
  return cut.replace(NO_TEXT, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Values inside each other; more than anything that is asked for has. */
export const DEEPEST = 64;
/** A user mends these and sees the rest. */
const MOST = 20;

/** What no field of a request may be, whatever its schema: text that is none, and values in values without end. */
export function inputViolations(input: unknown): Violation[] {
  const found: Violation[] = [];
  const assertText = (path: string, text: unknown) => {
    if (typeof text === 'string' && !isText(text) && found.length < MOST) found.push(noText(path, text));
  };
  assertText('', input);
  let level: readonly (readonly [path: string, value: object])[] = isObject(input) ? [['', input]] : [];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > DEEPEST) return [...found, tooDeep(level[0]![0])];
    const next: [string, object][] = [];
    for (const [path, value] of level)
      for (const [key, inner] of Object.entries(value)) {
        const at = pathTo(path, key);
        assertText(at, key);
        assertText(at, inner);
        if (isObject(inner)) next.push([at, inner]);
      }
    level = next;
  }
  return found;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** JSON pointer; a name of any length stays readable. */
export const pathTo = (path: string, key: string): string =>
  `${path}/${(key.length > 100 ? `${key.slice(0, 100)}...` : key).replaceAll('~', '~0').replaceAll('/', '~1')}`;

const noText = (path: string, actual: string): Violation => ({
  path,
  expected: 'text without control characters and unpaired surrogates',
  actual: show(actual),
  remedy: 'remove these characters',
});

const tooDeep = (path: string): Violation => ({
  path: `/${path.split('/', 2)[1]}`,
  expected: `at most ${DEEPEST} values inside each other`,
  actual: 'more',
  remedy: 'send it flatter',
});
