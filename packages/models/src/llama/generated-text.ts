/** Text from a decoder: greedy or sampled as it comes, or the best of several beams at the end. */
import { beamSearch, type Decoder, generate, type TokenChoice } from '@triptych/nn';
import type { TextLimits } from '../model.ts';

export interface TextDecoding {
  /** Ids to text. */
  readonly decode: (ids: readonly number[]) => string;
  /** Tokens that end a text and are no part of it. */
  readonly stopTokens: readonly number[];
  /** Of each prompt: words with which something else begins, so that the text ends before them. */
  readonly stopWords?: readonly (readonly string[])[];
  readonly limits: TextLimits;
}

/** Pieces of text as they come, with the position of their prompt. The decoder stays the caller's. */
export async function* generatedText(
  decoder: Decoder,
  { decode, stopTokens, stopWords = [], limits }: TextDecoding,
): AsyncGenerator<{ readonly index: number; readonly text: string }, void> {
  const { maxNewTokens, beams, lengthPenalty } = limits;
  const wordsOf = (index: number) => stopWords[index] ?? [];
  if (beams > 1) {
    const found = await beamSearch(decoder, { beams, lengthPenalty, maxNewTokens, stopTokens });
    for (const [index, [best]] of found.entries())
      yield { index, text: until(decode(best!.tokens), wordsOf(index)) };
    return;
  }
  const texts = Array.from({ length: decoder.batch }, () => ({ tokens: [] as number[], told: 0 }));
  for await (const event of generate(decoder, { maxNewTokens, stopTokens, choice: choiceOf(limits) })) {
    const { sequence: index } = event;
    const text = texts[index]!;
    if (event.kind === 'token') text.tokens.push(event.token);
    const whole = until(decode(text.tokens), wordsOf(index));
    const end = event.kind === 'end' ? whole.length : settled(whole, wordsOf(index));
    if (end <= text.told) continue;
    yield { index, text: whole.slice(text.told, end) };
    text.told = end;
  }
}

function until(text: string, words: readonly string[]): string {
  const ends = words.map((word) => text.indexOf(word)).filter((at) => at >= 0);
  return text.slice(0, Math.min(text.length, ...ends));
}

/** How much of a text no further token can change: the bytes of a character, and a stop word, may come in several. */
function settled(text: string, words: readonly string[]): number {
  const unfinished = /\ufffd+$/.exec(text)?.index ?? text.length;
  const longest = words.reduce((most, { length }) => Math.max(most, length), 1);
  for (let at = Math.max(0, text.length - longest + 1); at < unfinished; at++)
    if (words.some((word) => word.startsWith(text.slice(at)))) return at;
  return unfinished;
}

const choiceOf = ({ temperature, topP, seed }: TextLimits): TokenChoice =>
  temperature === 0 ? { kind: 'greedy' } : { kind: 'sample', seed, temperature, topP };
