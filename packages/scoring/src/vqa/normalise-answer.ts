/** An answer as the official VQA evaluation (vqaEval.py) normalises it before it compares, quirks included. */
import { splitWords } from '../white-space.ts';
import { contractions } from './contractions.ts';

const PUNCTUATION = [...';/[]"{}()=+\\_-><@`,?!'];
const DIGIT_COMMA_DIGIT = /\p{Nd},\p{Nd}/u;
/** The official expression's look-behind is mistyped and never excludes anything. */
const PERIOD = /\.(?!\p{Nd})/gu;
/** The official code passes a flag where the number of replacements belongs. */
const MOST_PERIODS = 32;

const NUMBERS: ReadonlyMap<string, string> = new Map(
  ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map(
    (word, number) => [word, `${number}`],
  ),
).set('none', '0');
const ARTICLES = new Set(['a', 'an', 'the']);

export const normaliseAnswer = (answer: string): string => normaliseWords(stripPunctuation(answer));

/**
 * A mark that stands beside a space anywhere in the answer is deleted, another becomes a space; where a comma stands
 * between two digits, every mark is deleted.
 */
export function stripPunctuation(answer: string): string {
  const number = DIGIT_COMMA_DIGIT.test(answer);
  let text = answer;
  for (const mark of PUNCTUATION) {
    const deleted = number || answer.includes(`${mark} `) || answer.includes(` ${mark}`);
    text = text.replaceAll(mark, deleted ? '' : ' ');
  }
  let periods = 0;
  return text.replace(PERIOD, (period) => (periods++ < MOST_PERIODS ? '' : period));
}

/** Lower case, numbers up to ten as digits, no articles, apostrophes back in contractions, one space between words. */
export function normaliseWords(text: string): string {
  return splitWords(text.toLowerCase())
    .map((word) => NUMBERS.get(word) ?? word)
    .filter((word) => !ARTICLES.has(word))
    .map((word) => contractions.get(word) ?? word)
    .join(' ');
}
