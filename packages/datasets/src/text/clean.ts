/**
 * What CLIP does to a text before it is cut into tokens: repair, HTML-unescape, collapse white space, lower-case.
 *
 * OpenAI's code repairs with ftfy. Of it this has the character fixes (NFC, ligatures, full-width forms, curly quotes, control
 * characters, terminal escapes) and not the repair of mojibake: "cafÃ©" stays as it is where ftfy makes "café" of it.
 */
import { unescapeHtml } from './html-entities.ts';

// Python's str.isspace(), which is not JavaScript's \s (U+FEFF is in, U+001C-001F and U+0085 are not).
// biome-ignore lint/suspicious/noControlCharactersInRegex: those four separate words too
const whitespace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/** The cleaned text: one line, single spaces, lower case. */
export const clean = (text: string): string =>
  unescapeHtml(unescapeHtml(repair(text)))
    .replace(whitespace, ' ')
    .trim()
    .toLowerCase();

// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose
const controls = /[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts a terminal sequence
const terminalEscapes = /\x1b\[[\d;]*[A-Za-z]/g;
const ligatures = /[\u0132\u0133\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06]/g;
const widths = /[\u3000\uff01-\uffef]/g;

function repair(text: string): string {
  // Like ftfy: angle brackets suggest that the references are meant to stay HTML (the caller unescapes them anyway, later).
  const unescaped = text.includes('<') ? text : unescapeHtml(text);
  return unescaped
    .replace(terminalEscapes, '')
    .replace(ligatures, (character) => character.normalize('NFKC'))
    .replace(widths, (character) => character.normalize('NFKC'))
    .replace(/[\u02bc\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(controls, '')
    .normalize('NFC');
}
