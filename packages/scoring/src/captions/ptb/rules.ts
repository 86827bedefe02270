/**
 * What makes a token, and what it is written as: the behaviour of Stanford's PTBTokenizer 3.4.1 as coco-caption runs it,
 * stated anew. A rule's match includes what it wants to see `ahead` of the token; the longest match wins, and of
 * equal ones the earlier rule. Classes in brackets mind the case of letters; words do not.
 */
import {
  ABBREVIATION,
  ACRONYM,
  BEFORE_NUMBERS,
  FILE_EXTENSIONS,
  LONG_ACRONYM,
  SENTENCE_STARTS,
  TITLE,
} from './abbreviations.ts';
import * as c from './characters.ts';
import { quoted } from './quotes.ts';

export interface Rule {
  readonly token: string;
  /** What has to follow; it is not part of the token. */
  readonly ahead?: string;
  /** How many characters at the end of the token are read again, as a token of their own. */
  readonly giveBack?: number;
  /** How the token is written; undefined: it is left out. */
  readonly as?: (text: string) => string | undefined;
}

const { anyCase, oneOf } = c;
const same = (...tokens: readonly string[]): Rule[] => tokens.map((token) => ({ token }));
const nothing = () => undefined;
const withoutSoftHyphens = (text: string) => (text.length > 0 && text.replaceAll('\u00AD', '')) || '-';
/** Spaces inside a token do not end it. */
const unbroken = (text: string) => text.replaceAll(' ', '\u00A0');
const bracketsNamed = (text: string) => text.replaceAll('(', '-LRB-').replaceAll(')', '-RRB-');
const ampersand = (text: string) => text.replace(/&amp;/gi, '&');

const INNER = `${oneOf(c.LETTER, c.DIGIT)}*`;
const WORD = `${c.LETTER}${INNER}(?:[.!?]${c.LETTER}${INNER})*`;
/** 's 'm 'd 're 've 'll */
const ENCLITIC = `${c.APOSTROPHE}${oneOf('[msdMSD]', ...['re', 've', 'll'].map(anyCase))}`;
const NOT = `${anyCase('n')}${c.ANY_APOSTROPHE}${anyCase('t')}`;

const NAME = '[A-Za-z][A-Za-z0-9_:.\\-]*';
const ATTRIBUTE = `${NAME}(?: *= *(?:'[^']*'|"[^"]*"))?`;
const markup: Rule[] = [
  `<[!?][A-Za-z\\-][^>\\r\\n]* *>`,
  `<${NAME}(?: +${ATTRIBUTE})* */? *>`,
  `</${NAME} *>`,
].map((token) => ({ token, as: unbroken }));

/** Words that are two: cannot, 'tis, gonna. */
const assimilations: Rule[] = [
  { token: anyCase('cannot'), giveBack: 3 },
  { token: anyCase("'twas"), giveBack: 3 },
  { token: anyCase("'tis"), giveBack: 2 },
  { token: oneOf(...['gonna', 'gotta', 'lemme', 'gimme', 'wanna'].map(anyCase)), giveBack: 2 },
];

const words: Rule[] = [
  { token: WORD, ahead: ENCLITIC, as: withoutSoftHyphens },
  { token: `[A-Za-z\\u00AD]*[A-MO-Za-mo-z]\\u00AD*`, ahead: NOT, as: withoutSoftHyphens },
  { token: WORD, as: withoutSoftHyphens },
  // Words with an apostrophe inside or at an end.
  ...same(
    `${c.APOSTROPHE}${anyCase('n')}${c.APOSTROPHE}?`,
    `[lLdDjJ]${c.APOSTROPHE}`,
    ...['dunkin', 'somethin', 'ol'].map((word) => anyCase(word) + c.APOSTROPHE),
    ...['em', 'till?', 'cause'].map((word) => c.APOSTROPHE + anyCase(word)),
    `[A-HJ-XZn]${c.ANY_APOSTROPHE}\\p{L}{2,}`,
    `${c.APOSTROPHE}[2-9]0${anyCase('s')}`,
    `\\p{L}+[aeiouyAEIOUY]${c.ANY_APOSTROPHE}[aeiouA-Z]\\p{L}*`,
    anyCase("cont'd\\.?"),
    ...["'twas", "nor'easter", "c'mon", "e'er", "s'mores", "ev'ry", "li'l", "nat'l"].map(anyCase),
    `${anyCase('o')}${c.ANY_APOSTROPHE}${anyCase('o')}`,
  ),
  { token: `${anyCase('y')}${c.APOSTROPHE}`, ahead: '\\p{L}' },
];

const NOT_IN_ADDRESS = ' \\t\\n\\f\\r"<>|';
/** An address does not end with these. */
const LAST = `[^${NOT_IN_ADDRESS}.!?(){},\\-]`;
const PATH = `(?:/[^${NOT_IN_ADDRESS}()]+${LAST})?`;
const addresses: Rule[] = same(
  `${anyCase('https?://')}[^${NOT_IN_ADDRESS}(){}]+${LAST}`,
  `${anyCase('www')}\\.(?:[^${NOT_IN_ADDRESS}.!?(){},]+\\.)+[a-zA-Z]{2,4}${PATH}`,
  // Of capitals, digits and the marks around them none is allowed here.
  `(?:[^${NOT_IN_ADDRESS}\`'.!?(){},-_$]+\\.)+${oneOf(...['com', 'net', 'org', 'edu'].map(anyCase))}${PATH}`,
  `(?:&lt;|<)?[a-zA-Z0-9][^${NOT_IN_ADDRESS}()\\u00A0{}]*@(?:[^${NOT_IN_ADDRESS}(){}.\\u00A0]+\\.)*[^${NOT_IN_ADDRESS}(){}.\\u00A0]+(?:&gt;|>)?`,
  '@[a-zA-Z_][a-zA-Z_0-9]*',
  `#${c.LETTER}+`,
);

const D = c.DIGIT;
const currency = (text: string) =>
  text
    .replace('\u00A2', 'cents')
    .replace('\u00A3', '#')
    .replace(/[\u0080\u00A4\u20A0\u20AC]/, '$');
const fraction = (text: string) =>
  ({ '\u00BC': '1/4', '\u00BD': '1/2', '\u00BE': '3/4', '\u2153': '1/3', '\u2154': '2/3' })[text] ?? text;
const ABBREVIATED_NUMBER = '[0-9]{3,4}[\\- \\u00A0]?[0-9]{3,5}';
const numbers: Rule[] = [
  { token: `${D}{1,2}[-/]${D}{1,2}[-/]${D}{2,4}` },
  { token: `[-+]?${oneOf(`${D}*(?:[.:,\\u00AD\\u066B\\u066C]${D}+)+`, `${D}+`)}`, as: withoutSoftHyphens },
  {
    token:
      '[\\u207A\\u207B\\u208A\\u208B]?(?:[\\u2070\\u00B9\\u00B2\\u00B3\\u2074-\\u2079]+|[\\u2080-\\u2089]+)',
  },
  { token: `(?:${D}{1,4}[- \\u00A0])?${D}{1,4}(?:\\\\?/|\\u2044)${D}{1,4}`, as: unbroken },
  { token: '[\\u00BC\\u00BD\\u00BE\\u2153-\\u215E]', as: fraction },
];

const named = ['rrb', 'lrb', 'rcb', 'lcb', 'rsb', 'lsb'].map(anyCase);
const compounds: Rule[] = [
  ...[
    `-${oneOf(...named)}-`,
    anyCase('c\\.d\\.s'),
    anyCase('pro-'),
    anyCase('anti-'),
    `${anyCase('s')}${oneOf(anyCase('&amp;'), '&')}${oneOf(anyCase('p-500'), anyCase('ls'))}`,
    `${anyCase('cap')}${c.APOSTROPHE}${anyCase('n')}`,
    `${anyCase('c')}${c.APOSTROPHE}${anyCase('est')}`,
  ].map((token) => ({ token, as: ampersand })),
  { token: '[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}' },
  { token: '[A-Z]*\\$|#' },
  {
    token:
      '[\\u00A2\\u00A3\\u00A4\\u00A5\\u0080\\u20A0\\u20AC\\u060B\\u0E3F\\u20A4\\uFFE0\\uFFE1\\uFFE5\\uFFE6]',
    as: currency,
  },
];

const MARKUP = oneOf(...markup.map(({ token }) => token));
const SENTENCE_START = oneOf(SENTENCE_STARTS, '[M][rR]\\.', '[M][sS]\\.', MARKUP);
const abbreviations: Rule[] = [
  // A letter and the end of a sentence; longer acronyms keep their period all the same.
  { token: '[A-Za-z]\\.', ahead: `${c.GAP}+${SENTENCE_START}${c.GAP}`, giveBack: 1 },
  { token: `${LONG_ACRONYM}\\.`, ahead: `${c.GAP}+${SENTENCE_START}${c.GAP}` },
  { token: `${BEFORE_NUMBERS}\\.`, ahead: `${c.GAP}?${D}` },
  {
    token: `${oneOf(`${anyCase('pt')}[eyEY]`, anyCase('co'))}\\.`,
    ahead: `${c.SPACE}${oneOf(anyCase('ltd'), anyCase('lim'))}`,
  },
  { token: `${ABBREVIATION}\\.`, ahead: '[^][^]' },
  { token: `${ABBREVIATION}\\.` },
  { token: `${TITLE}\\.` },
  { token: TITLE, ahead: c.SPACE },
  { token: ACRONYM, ahead: c.GAP },
  { token: `${c.APOSTROPHE}[0-9][0-9]`, ahead: c.GAP },
  {
    token: `${oneOf(c.LETTER, D)}+(?:\\.${oneOf(c.LETTER, D)}+)*\\.${FILE_EXTENSIONS}`,
    ahead: oneOf(c.GAP, '[.?!,]'),
  },
  { token: `${WORD}\\.`, ahead: c.INNER_PUNCTUATION, as: withoutSoftHyphens },
];

const telephones: Rule[] = [
  `\\([0-9]{2,3}\\)[ \\u00A0]?${ABBREVIATED_NUMBER}`,
  `(?:\\+\\+?)?[0-9]{2,4}[\\- \\u00A0]${ABBREVIATED_NUMBER}`,
  `(?:\\+\\+?)?[0-9]{2,4}[\\- \\u00A0][0-9]{2,4}[\\- \\u00A0]${ABBREVIATED_NUMBER}`,
  '(?:(?:\\+\\+?)?[0-9]{2,4}\\.)?[0-9]{2,4}\\.[0-9]{3,4}\\.[0-9]{3,5}',
].map((token) => ({ token, as: (text) => bracketsNamed(unbroken(text)) }));

const FACE = "[\\-\\^x=~<>']";
const smileys: Rule[] = [
  { token: "[<>]?[:;=][\\-o*']?[()DPdpO\\\\{@|\\[\\]]", ahead: '[^A-Za-z0-9]', as: bracketsNamed },
  {
    token: oneOf(`${FACE}_${FACE}`, `\\(${FACE}[_.]?${FACE}\\)`, "\\([\\^x=~<>']-[\\^x=~<>'`]\\)"),
    as: bracketsNamed,
  },
];

const bracket = (token: string, name: string): Rule => ({ token, as: () => name });
const marks: Rule[] = [
  { token: oneOf('"', anyCase('&quot;')), as: nothing },
  { token: '\\x7f', as: nothing },
  bracket(`<|${anyCase('&lt;')}`, '<'),
  bracket(`>|${anyCase('&gt;')}`, '>'),
  ...smileys,
  bracket('\\{', '-LCB-'),
  bracket('\\}', '-RCB-'),
  bracket('\\[', '-LSB-'),
  bracket('\\]', '-RSB-'),
  bracket('\\(', '-LRB-'),
  bracket('\\)', '-RRB-'),
  { token: '-+', as: (text) => (text.length === 3 || text.length === 4 ? '--' : text) },
  { token: '\\.{3,5}|(?:\\.[ \\u00A0]){2,4}\\.|[\\u0085\\u2026]', as: () => '...' },
  ...same('@+', '#+', '_+', '\\*+', '(?:\\\\\\*){1,3}', c.INNER_PUNCTUATION, '[?!]+'),
  ...same('[.\\u00A1\\u00BF\\u037E\\u0589\\u061F\\u06D4\\u0700-\\u0702\\u07FA\\u3002]', '=', '/'),
];

const HYPHENATED = `[A-Za-z0-9][A-Za-z0-9.,\\u00AD]*(?:-(?:${LONG_ACRONYM}\\.|[A-Za-z0-9\\u00AD]+))+`;
const ELIDED = `(?:[dDoOlL]${c.ANY_APOSTROPHE}${c.ALPHANUMERIC})?${c.ALPHANUMERIC}+`;
const THING = `${ELIDED}(?:${c.HYPHEN}${ELIDED})*`;
const JOINED = `[A-Z]+(?:(?:${anyCase('&amp;')}|[+&])[A-Z]+)+`;
const hyphenated: Rule[] = [
  { token: `${HYPHENATED}\\.`, ahead: c.INNER_PUNCTUATION, as: withoutSoftHyphens },
  { token: HYPHENATED, as: withoutSoftHyphens },
  { token: `${THING}\\.`, ahead: c.INNER_PUNCTUATION },
  { token: THING },
  { token: `${JOINED}\\.`, ahead: c.INNER_PUNCTUATION, as: ampersand },
  { token: JOINED, as: ampersand },
];

const quotes: Rule[] = [
  { token: "'", ahead: '[A-Za-z][^ \\t\\n\\r\\u00A0]', as: nothing },
  { token: ENCLITIC, as: quoted },
  { token: NOT, as: quoted },
  {
    token: oneOf(
      "''",
      '[`\\u2018\\u2019\\u201A\\u201B\\u201C\\u201D\\u0091\\u0092\\u0093\\u0094\\u201E\\u201F\\u2039\\u203A\\u00AB\\u00BB]{1,2}',
      c.APOSTROPHE,
    ),
    as: quoted,
  },
];

export const rules: readonly Rule[] = [
  ...same(anyCase('c\\+\\+'), `${oneOf(anyCase('c'), anyCase('f'))}#`),
  ...assimilations,
  ...markup,
  {
    token: `&${oneOf(...['md', 'mdash', 'ndash'].map(anyCase))};|[\\u0096\\u0097\\u2013\\u2014\\u2015]`,
    as: () => '--',
  },
  { token: anyCase('&amp;'), as: ampersand },
  ...same(`&${oneOf(...['ht', 'tl', 'ur', 'lr', 'qc', 'ql', 'qr', 'odq', 'cdq'].map(anyCase), '#[0-9]+')};`),
  ...words,
  ...addresses,
  { token: ENCLITIC, ahead: '[^A-Za-z]', as: quoted },
  { token: NOT, ahead: '[^A-Za-z]', as: quoted },
  ...numbers,
  ...compounds,
  ...abbreviations,
  ...telephones,
  ...marks,
  ...hyphenated,
  ...quotes,
  ...same('<<|>>', c.SYMBOL),
  { token: `\\0|${c.SPACE}+|[\\u200B\\u200E\\u200F\\uFEFF]|${anyCase('&nbsp;')}`, as: nothing },
];
