/** Shows a sample's tokens as text with the labels marked, to be looked at before a run starts. */
import type { Tokenizer } from '../hugging-face/tokenizer.ts';
import type { SampleTokens } from './segments.ts';

export interface PreviewToken {
  readonly id: number;
  /** What the token adds to the text; empty for the first bytes of a character that several tokens spell. */
  readonly text: string;
  readonly supervised: boolean;
}

export interface Preview {
  readonly tokens: readonly PreviewToken[];
  readonly supervised: number;
  /** The text with labels in «double angle quotes», and an image's tokens written once with their number. */
  readonly text: string;
}

export function preview(sample: SampleTokens, tokenizer: Tokenizer): Preview {
  const tokens = withTexts(sample, tokenizer);
  const spans = new Map(sample.images.map((span) => [span.at, span]));
  let text = '';
  let inside = false;
  for (let i = 0; i < tokens.length; i += 1) {
    const token = tokens[i] as PreviewToken;
    if (token.supervised !== inside) text += inside ? '»' : '«';
    inside = token.supervised;
    const span = spans.get(i);
    text += token.text;
    if (span !== undefined && span.length > 1) {
      text += `x${span.length}`;
      i += span.length - 1;
    }
  }
  return {
    tokens,
    supervised: tokens.filter((token) => token.supervised).length,
    text: inside ? `${text}»` : text,
  };
}

/** Decoding only as far back as the last special token keeps this linear for long samples. */
function withTexts({ ids, supervised }: SampleTokens, tokenizer: Tokenizer): PreviewToken[] {
  const tokens: PreviewToken[] = [];
  let run: number[] = [];
  let before = '';
  for (const [i, id] of ids.entries()) {
    const special = tokenizer.isSpecial(id);
    if (special) [run, before] = [[], ''];
    run.push(id);
    const after = tokenizer.decode(run);
    // An unfinished character decodes to a replacement character, which the next token takes back.
    const text = after.startsWith(before) && !after.endsWith('\ufffd') ? after.slice(before.length) : '';
    tokens.push({ id, text, supervised: supervised[i] === 1 });
    if (text !== '') before = after;
  }
  return tokens;
}
