/**
 * Most of a caption needs no rules: words of plain letters with a space, or a mark and a space, behind them. What is taken here
 * is what the longest match among the rules would be.
 */
import { ABBREVIATION, BEFORE_NUMBERS, TITLE } from './abbreviations.ts';
import { anyCase, oneOf } from './characters.ts';

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const PERIOD = 0x2e;
const LONGEST_WORD = 40;
/** What may stand directly behind a word; the colon and its like begin smileys. */
const MARKS = new Set([...'.,?!'].map((mark) => mark.charCodeAt(0)));

/** Words that the rules cut in two, of five letters or six. */
const ASSIMILATED = new Set(['cannot', 'gonna', 'gotta', 'lemme', 'gimme', 'wanna']);
const isAssimilated = (text: string, at: number, end: number): boolean =>
  (end - at === 5 || end - at === 6) && ASSIMILATED.has(text.slice(at, end).toLowerCase());
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
    isGap(next) ||
    (MARKS.has(next) &&
      isGap(text.charCodeAt(end + 1)) &&
      !(next === PERIOD && keepsItsPeriod(text.slice(at, end))));
  return plain && !isAssimilated(text, at, end) ? end : at;
}

function keepsItsPeriod(word: string): boolean {
  let known = keepsPeriod.get(word);
  if (known === undefined) {
    known = MAY_KEEP_PERIOD.test(word);
    if (keepsPeriod.size >= MOST_REMEMBERED) keepsPeriod.clear();
    keepsPeriod.set(word, known);
  }
  return known;
}

/**
 * The end of a word of letters, apostrophes and hyphens with a gap, or a mark other than a period and a gap, behind it; `at` itself
 * where there is none, or it is too long to be one of a language. Rules look no further than its end.
 */
export function joinedEnd(text: string, at: number): number {
  let end = at;
  while (isLetter(text.charCodeAt(end)) || isJoint(text.charCodeAt(end))) end++;
  const next = text.charCodeAt(end);
  const whole = isBreak(next) || (MARKS.has(next) && next !== PERIOD && isBreak(text.charCodeAt(end + 1)));
  return whole && end - at <= LONGEST_WORD ? end : at;
}

/** A period before a space may be the first of several. */
function standsLast(text: string, at: number, mark: number): boolean {
  const after = text.charCodeAt(at + 1);
  return isGap(after) && !(mark === PERIOD && after === SPACE);
}

const isJoint = (code: number): boolean => code === 0x27 || code === 0x2d;

const isBreak = (code: number): boolean => code === SPACE || code === LINE_FEED;

/** Also the end of the text, where there is no number. */
const isGap = (code: number): boolean => isBreak(code) || Number.isNaN(code);

const isLetter = (code: number): boolean => (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
