/** Text from a decoder: greedy or sampled as it comes, or the best of several beams at the end. */
import { beamSearch, type Decoder, generate, type TokenChoice } from '@triptych/nn';
import type { TextLimits } from '../model.ts';

export interface TextDecoding {
  /** Ids to text. */
  readonly decode: (ids: readonly number[]) => string;
  /** Tokens that end a text and are no part of it. */
  readonly stopTokens: readonly number[];
  readonly limits: TextLimits;
}

/** Pieces of text as they come, with the position of their prompt. The decoder stays the caller's. */
export async function* generatedText(
  decoder: Decoder,
  { decode, stopTokens, limits }: TextDecoding,
): AsyncGenerator<{ readonly index: number; readonly text: string }, void> {
  const { maxNewTokens, beams, lengthPenalty } = limits;
  if (beams > 1) {
    const found = await beamSearch(decoder, { beams, lengthPenalty, maxNewTokens, stopTokens });
    for (const [index, [best]] of found.entries()) yield { index, text: decode(best!.tokens) };
    return;
  }
  const texts = Array.from({ length: decoder.batch }, () => ({ tokens: [] as number[], told: '' }));
  for await (const event of generate(decoder, { maxNewTokens, stopTokens, choice: choiceOf(limits) })) {
    const text = texts[event.sequence]!;
    if (event.kind === 'token') text.tokens.push(event.token);
    const whole = decode(text.tokens);
    // The bytes of a character may come in several tokens.
    if (event.kind === 'token' && whole.endsWith('\ufffd')) continue;
    const piece = whole.slice(text.told.length);
    text.told = whole;
    if (piece !== '') yield { index: event.sequence, text: piece };
  }
}

const choiceOf = ({ temperature, topP, seed }: TextLimits): TokenChoice =>
  temperature === 0 ? { kind: 'greedy' } : { kind: 'sample', seed, temperature, topP };
