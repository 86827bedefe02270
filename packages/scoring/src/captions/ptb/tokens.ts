/** Texts cut into tokens by the longest match among the rules. */
import { LINE_END } from './characters.ts';
import { joinedEnd, plainEnd } from './plain-tokens.ts';
import { type Rule, rules } from './rules.ts';

interface Matcher extends Rule {
  readonly expression: RegExp;
}

const matchers: readonly Matcher[] = rules.map((rule) => ({
  ...rule,
  expression: new RegExp(`(${rule.token})${rule.ahead ? `(?:${rule.ahead})` : ''}`, 'uy'),
}));
const SPACE = 0x20;
const LINE_FEED = 0x0a;
const lineEnd = new RegExp(LINE_END, 'u');

export interface CutOptions {
  /** Whether every token is asked of every rule, which gives the same and takes long. */
  readonly byRulesAlone?: boolean;
}

/** Calls `take` for the tokens of each line in turn; the array is used again. What no rule knows is left out. */
export function cutLines(
  text: string,
  take: (tokens: readonly string[]) => void,
  { byRulesAlone = false }: CutOptions = {},
): void {
  const read = { text, known: withoutUnknown(text) };
  const { known } = read;
  const tokens: string[] = [];
  for (let at = 0; at < text.length; ) {
    const code = known.charCodeAt(at);
    if (code === SPACE) {
      at++;
      continue;
    }
    const end = byRulesAlone ? at : plainEnd(known, at);
    if (end > at) {
      tokens.push(text.slice(at, end));
      at = end;
      continue;
    }
    // No rule begins with the end of a line.
    const found = code === LINE_FEED && !byRulesAlone ? undefined : tokenAt(read, at, byRulesAlone);
    if (found) {
      if (found.written !== undefined) tokens.push(found.written);
      at = found.end;
      continue;
    }
    if (code === LINE_FEED || lineEnd.test(known[at]!)) {
      take(tokens);
      tokens.length = 0;
    }
    at += known.startsWith('\r\n', at) ? 2 : 1;
  }
  take(tokens);
}

/** Characters beyond the basic plane are unknown to all rules; private ones stand for their halves. */
const withoutUnknown = (text: string): string =>
  /[\ud800-\udfff]/.test(text)
    ? text.replace(/[\u{10000}-\u{10FFFF}]/gu, '\uE000\uE000').replace(/\p{Cs}/gu, '\uE000')
    : text;

interface ReadText {
  readonly text: string;
  /** Of the same length, without what no rule knows. */
  readonly known: string;
}

interface Found {
  /** Where the next token begins: behind what was read. */
  readonly end: number;
  /** How the token is written; undefined: it is left out. */
  readonly written: string | undefined;
}

function tokenAt(read: ReadText, at: number, byRulesAlone: boolean): Found | undefined {
  const joined = byRulesAlone ? at : joinedEnd(read.known, at);
  return joined > at ? tokenOfWord(read.text.slice(at, joined), at) : tokenByRules(read, at);
}

/** First tokens of words with an apostrophe or hyphen, which come again and again; emptied when full. */
const remembered = new Map<string, Found | undefined>();
const MOST_REMEMBERED = 20_000;

/** Of a word that stands at `at` and before a gap or mark, which no rule crosses. */
function tokenOfWord(word: string, at: number): Found | undefined {
  let found = remembered.get(word);
  if (found === undefined) {
    found = tokenByRules({ text: `${word} `, known: `${word} ` }, 0);
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(word, found);
  }
  return found && { end: at + found.end, written: found.written };
}

/** By asking every rule. */
function tokenByRules({ text, known }: ReadText, at: number): Found | undefined {
  let longest = 0;
  let best: { readonly rule: Rule; readonly taken: number } | undefined;
  for (const rule of matchers) {
    const { expression } = rule;
    expression.lastIndex = at;
    const match = expression.exec(known);
    if (!match || match[0].length <= longest) continue;
    longest = match[0].length;
    best = { rule, taken: match[1]!.length - (rule.giveBack ?? 0) };
  }
  if (!best) return undefined;
  const token = text.slice(at, at + best.taken);
  return { end: at + best.taken, written: best.rule.as ? best.rule.as(token) : token };
}
