/** Texts cut into tokens by the longest match among the rules. */
import { LINE_END } from './characters.ts';
import { plainEnd } from './plain-tokens.ts';
import { type Rule, rules } from './rules.ts';

interface Matcher extends Rule {
  readonly expression: RegExp;
}

const matchers: readonly Matcher[] = rules.map((rule) => ({
  ...rule,
  expression: new RegExp(`(${rule.token})${rule.ahead ? `(?:${rule.ahead})` : ''}`, 'uy'),
}));
const lineEnd = new RegExp(LINE_END, 'u');

export interface Found {
  /** Where the next token begins: behind what was read. */
  readonly end: number;
  /** How the token is written; undefined: it is left out. */
  readonly written: string | undefined;
}

/** The tokens of each line, in lower case. What no rule knows is left out. */
export function tokensOfLines(text: string, find: typeof tokenAt = tokenAt): string[][] {
  // Characters beyond the basic plane are unknown to all rules; private ones stand for their halves.
  const known = text.replace(/[\u{10000}-\u{10FFFF}]/gu, '\uE000\uE000').replace(/\p{Cs}/gu, '\uE000');
  const lines: string[][] = [[]];
  for (let at = 0; at < text.length; ) {
    const found = find({ text, known }, at);
    if (found) {
      if (found.written !== undefined) lines.at(-1)!.push(found.written.toLowerCase());
      at = found.end;
    } else {
      if (lineEnd.test(known[at]!)) lines.push([]);
      at += known.startsWith('\r\n', at) ? 2 : 1;
    }
  }
  return lines;
}

export interface ReadText {
  readonly text: string;
  /** Of the same length, without what no rule knows. */
  readonly known: string;
}

/** The token that begins there. */
export function tokenAt(read: ReadText, at: number): Found | undefined {
  const code = read.known.charCodeAt(at);
  if (code === 0x20) return { end: at + 1, written: undefined };
  if (code === 0x0a) return undefined;
  const end = plainEnd(read.known, at);
  return end > at ? { end, written: read.text.slice(at, end) } : tokenByRules(read, at);
}

/** By asking every rule. */
export function tokenByRules({ text, known }: ReadText, at: number): Found | undefined {
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
