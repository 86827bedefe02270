/** White space as Python 3 has it, which differs from JavaScript's: U+001C to U+001F and U+0085 count, U+FEFF does not. */
const SPACE =
  '\\t\\n\\v\\f\\r \\x1c-\\x1f\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const words = new RegExp(`[^${SPACE}]+`, 'gu');
const ending = new RegExp(`[${SPACE}]$`, 'u');
const outer = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, 'gu');

const unusual = /[^ -~]/;

/** `text.split()` of Python: the words, never an empty one. */
export function splitWords(text: string): string[] {
  if (unusual.test(text)) return text.match(words) ?? [];
  const parts = text.split(' ');
  return parts.includes('') ? parts.filter((part) => part !== '') : parts;
}

/** `text.strip()` of Python. */
export const strip = (text: string): string => text.replace(outer, '');

/** `text.rstrip()` of Python. */
export function stripEnd(text: string): string {
  let stripped = text;
  while (ending.test(stripped)) stripped = stripped.slice(0, -1);
  return stripped;
}
