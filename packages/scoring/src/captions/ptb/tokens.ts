/** Texts cut into tokens by the longest match among the rules. */
import { LINE_END } from './characters.ts';
import { type Rule, rules } from './rules.ts';

interface Matcher extends Rule {
  readonly expression: RegExp;
}

const matchers: readonly Matcher[] = rules.map((rule) => ({
  ...rule,
  expression: new RegExp(`(${rule.token})${rule.ahead ? `(?:${rule.ahead})` : ''}`, 'uy'),
}));
const lineEnd = new RegExp(LINE_END, 'u');

/** The tokens of each line, in lower case. What no rule knows is left out. */
export function tokensOfLines(text: string): string[][] {
  // Characters beyond the basic plane are unknown to all rules; private ones stand for their halves.
  const known = text.replace(/[\u{10000}-\u{10FFFF}]/gu, '\uE000\uE000').replace(/\p{Cs}/gu, '\uE000');
  const lines: string[][] = [[]];
  for (let at = 0; at < text.length; ) {
    const found = longest(known, at);
    if (found && found.matched > 0) {
      const token = text.slice(at, at + found.taken);
      const written = found.rule.as ? found.rule.as(token) : token;
      if (written !== undefined) lines.at(-1)!.push(written.toLowerCase());
      at += found.taken;
    } else {
      if (lineEnd.test(known[at]!)) lines.push([]);
      at += known.startsWith('\r\n', at) ? 2 : 1;
    }
  }
  return lines;
}

function longest(text: string, at: number): { rule: Rule; matched: number; taken: number } | undefined {
  let best: { rule: Rule; matched: number; taken: number } | undefined;
  for (const { expression, ...rule } of matchers) {
    expression.lastIndex = at;
    const match = expression.exec(text);
    if (!match || (best && match[0].length <= best.matched)) continue;
    best = { rule, matched: match[0].length, taken: match[1]!.length - (rule.giveBack ?? 0) };
  }
  return best;
}
