/** Captions as coco-caption's PTBTokenizer prepares them for its metrics: lower-case tokens without punctuation. */
import { stripEnd } from '../../white-space.ts';
import { type CutOptions, cutLines } from './tokens.ts';

/** As in ptbtokenizer.py. Brackets are named in lower case by then, so that they stay. */
const PUNCTUATION = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';']);
const LONGEST_PUNCTUATION = Math.max(...[...PUNCTUATION].map((mark) => mark.length));

/**
 * The tokens of each caption with one space between them. The captions are read as one text, as the reference does: whether
 * "vitamin C." keeps its period can depend on the next caption's first word. Line ends inside a caption are spaces.
 */
export function captionTokens(captions: readonly string[], options: CutOptions = {}): string[] {
  const text = captions
    .map((caption) => caption.replace(/\r\n|[\n\r\v\f\u2028\u2029\u0085]/g, ' '))
    .join('\n');
  const lines: string[] = [];
  cutLines(text, (tokens) => lines.push(lineOf(tokens)), options);
  return lines;
}

function lineOf(tokens: readonly string[]): string {
  const line = tokens
    // The length first: looking a text up reads all of it.
    .filter((token) => token.length > LONGEST_PUNCTUATION || !PUNCTUATION.has(token))
    .join(' ')
    .toLowerCase();
  // The reference strips the end of the line before it leaves punctuation out: a no-break space may belong to an address.
  const last = tokens.at(-1) ?? '';
  return last.charCodeAt(last.length - 1) > 0x7f ? stripEnd(line) : line;
}
