/**
 * Most of a caption needs no rules: words of plain letters with a space, or a mark and a space, behind them. What is taken here
 * is what the longest match among the rules would be.
 */
import { ABBREVIATION, BEFORE_NUMBERS, TITLE } from './abbreviations.ts';
import { anyCase, oneOf } from './characters.ts';

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const PERIOD = 0x2e;
/** What may stand directly behind a word; the colon and its like begin smileys. */
const MARKS = new Set([...'.,?!'].map((mark) => mark.charCodeAt(0)));

/** Words that the rules cut in two. */
const ASSIMILATED = new Set(['cannot', 'gonna', 'gotta', 'lemme', 'gimme', 'wanna']);
const MAY_KEEP_PERIOD = new RegExp(
  `^${oneOf(ABBREVIATION, TITLE, BEFORE_NUMBERS, `${anyCase('pt')}[eyEY]`, anyCase('co'))}$`,
  'u',
);
/** Answers of the expression above; emptied when full, for the words are anybody's. */
const keepsPeriod = new Map<string, boolean>();
const MOST_REMEMBERED = 10_000;

/** The end of the token that begins at `at`; `at` itself where the rules have to be asked. */
export function plainEnd(text: string, at: number): number {
  let end = at;
  while (isLetter(text.charCodeAt(end))) end++;
  const next = text.charCodeAt(end);
  if (end === at) return MARKS.has(next) && standsLast(text, at, next) ? at + 1 : at;
  const plain =
    isGap(next) || (MARKS.has(next) && isGap(text.charCodeAt(end + 1)) && !(next === PERIOD && keeps()));
  return plain && !ASSIMILATED.has(text.slice(at, end).toLowerCase()) ? end : at;

  function keeps(): boolean {
    const word = text.slice(at, end);
    let known = keepsPeriod.get(word);
    if (known === undefined) {
      known = MAY_KEEP_PERIOD.test(word);
      if (keepsPeriod.size >= MOST_REMEMBERED) keepsPeriod.clear();
      keepsPeriod.set(word, known);
    }
    return known;
  }
}

/** A period before a space may be the first of several. */
function standsLast(text: string, at: number, mark: number): boolean {
  const after = text.charCodeAt(at + 1);
  return isGap(after) && !(mark === PERIOD && after === SPACE);
}

/** Also the end of the text, where there is no number. */
const isGap = (code: number): boolean => code === SPACE || code === LINE_FEED || Number.isNaN(code);

const isLetter = (code: number): boolean => (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
