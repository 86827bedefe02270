/** Captions as coco-caption's PTBTokenizer prepares them for its metrics: lower-case tokens without punctuation. */
import { tokensOfLines } from './tokens.ts';

/** As in ptbtokenizer.py. Brackets are named in lower case by then, so that they stay. */
const PUNCTUATION = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';']);

/**
 * The tokens of each caption with one space between them. The captions are read as one text, as the reference does: whether
 * "vitamin C." keeps its period can depend on the next caption's first word. Line ends inside a caption are spaces.
 */
export function captionTokens(captions: readonly string[]): string[] {
  const text = captions
    .map((caption) => caption.replace(/\r\n|[\n\r\v\f\u2028\u2029\u0085]/g, ' '))
    .join('\n');
  return tokensOfLines(text).map((tokens) => tokens.filter((token) => !PUNCTUATION.has(token)).join(' '));
}
