/**
 * JSON bodies of modest shape. A megabyte of brackets is harmless to the parser and deadly to what comes after it, so
 * depth and number of values are counted in the text, before there is anything to hold.
 */
import { DEEPEST, invalidInput } from '@triptych/protocol';
import type { App } from './app.ts';

/** Many times what the largest request has. */
const MOST_VALUES = 100_000;

/** Replaces the parser of `application/json`. */
export function parseJsonBodies(app: App): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text: string, done) => {
    const excess = excessOf(text);
    if (excess === undefined) return parse(request, text, done);
    const problem = { path: '', ...excess, remedy: 'send less at once, and flatter' };
    done(invalidInput('body', [problem]), undefined);
  });
}

/** What there is too much of; strings count as one value, whatever they hold. */
export function excessOf(text: string): { expected: string; actual: string } | undefined {
  let depth = 0;
  let values = 0;
  const structure = /["[\]{},]/g;
  for (let found = structure.exec(text); found; found = structure.exec(text)) {
    const [character] = found;
    if (character === '"') structure.lastIndex = endOfString(text, found.index) + 1;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    else if (character === ',') values += 1;
    if (depth > DEEPEST) return { expected: `at most ${DEEPEST} values inside each other`, actual: 'more' };
    if (values > MOST_VALUES) return { expected: `at most ${MOST_VALUES} values`, actual: 'more' };
  }
  return undefined;
}

/** Position of the quote that closes; a quote behind an odd number of backslashes does not. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
