/** Sets of characters that the Penn Treebank rules are made of, as sources of regular expressions with the flag `u`. */

/** A source that matches its letters in either case; only letters outside of brackets and escapes are given. */
export const anyCase = (source: string): string =>
  source.replace(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);

export const oneOf = (...sources: readonly string[]): string => `(?:${sources.join('|')})`;

export const SPACE = '[ \\t\\u00A0\\u2000-\\u200A\\u3000]';
export const LINE_END = '[\\n\\r\\u000B\\u000C\\u0085\\u2028\\u2029]';
export const GAP = oneOf(SPACE, LINE_END);

export const DIGIT = '\\p{Nd}';
/** A letter in the strict sense. */
export const PLAIN_LETTER = '\\p{L}';
export const ALPHANUMERIC = '[\\p{L}\\p{Nd}]';
export const SOFT_HYPHEN = '\\u00AD';

/** What may be inside a word as a letter is: combining marks, some modifiers, the soft hyphen, and accents as entities. */
export const LETTER = oneOf(
  `[\\p{L}${SOFT_HYPHEN}\\u02C2-\\u02C5\\u02D2-\\u02DF\\u02E5-\\u02FF\\u0300-\\u036F\\u0375\\u0384\\u0385\\u03F6\\u0483-\\u0487\\u055A-\\u055F\\u0591-\\u05BD\\u05BF\\u05C1\\u05C2\\u05C4\\u05C5\\u05C7\\u0615-\\u061A\\u064B-\\u065E\\u0670\\u06D6-\\u06EF\\u06FD\\u06FE\\u070F\\u0711\\u0730-\\u074C\\u07A6-\\u07B0\\u07EB-\\u07F3\\u0900-\\u0903\\u093C\\u093E-\\u094E\\u0951-\\u0955\\u0962\\u0963\\u0981-\\u0983\\u09BC\\u09BE-\\u09C4\\u09C7\\u09C8\\u09CB-\\u09CD\\u09D7\\u09E2\\u09E3\\u0A01-\\u0A03\\u0A3C\\u0A3E-\\u0A4F\\u0A81-\\u0A83\\u0ABC-\\u0ACF\\u0B82\\u0BBE-\\u0BC2\\u0BC6-\\u0BC8\\u0BCA-\\u0BCD\\u0C01-\\u0C03\\u0C3E-\\u0C56\\u0D3E-\\u0D44\\u0D46-\\u0D48\\u0E31\\u0E34-\\u0E3A\\u0E47-\\u0E4E\\u0EB1\\u0EB4-\\u0EBC\\u0EC8-\\u0ECD]`,
  `&[aeiouAEIOU]${oneOf(...['acute', 'grave', 'uml'].map(anyCase))};`,
);

export const APOSTROPHE = oneOf("['\\u0092\\u2019]", anyCase('&apos;'));
/** Also the marks that are written in an apostrophe's place. */
export const ANY_APOSTROPHE = oneOf(APOSTROPHE, '[`\\u0091\\u2018\\u201B]');
export const HYPHEN = '[-_\\u058A\\u2010\\u2011]';
/** Punctuation inside a sentence. */
export const INNER_PUNCTUATION = '[,;:\\u3001]';

/** Symbols that stand alone. */
export const SYMBOL =
  '[+%&~^|\\\\\\u00A6-\\u00A9\\u00AC\\u00AE-\\u00BA\\u00D7\\u00F7\\u0387\\u05BE\\u05C0\\u05C3\\u05C6\\u05F3\\u05F4\\u0600-\\u0603\\u0606-\\u060A\\u060C\\u0614\\u061B\\u061E\\u066A\\u066D\\u0703-\\u070D\\u07F6-\\u07F8\\u0964\\u0965\\u0E4F\\u1FBD\\u2016\\u2017\\u2020-\\u2023\\u2030-\\u2038\\u203B\\u203E-\\u2042\\u2044\\u207A-\\u207F\\u208A-\\u208E\\u2100-\\u214F\\u2190-\\u21FF\\u2200-\\u2BFF\\u3012\\u30FB\\uFF01-\\uFF0F\\uFF1A-\\uFF20\\uFF3B-\\uFF40\\uFF5B-\\uFF65]';
