/**
 * How likely a language model holds given continuations of its prompts: classification by likelihood, multiple choice. The
 * continuations of a prompt share its prefill; each costs one decoding step for every token but its last.
 */
import { TriptychError } from '@triptych/protocol';
import type { Decoder } from './decoder.ts';
import { breathe, eachRow } from './generate.ts';

/** Log-probabilities of a continuation's tokens, in order. */
export type TokenLogProbabilities = Float64Array;

interface Line {
  readonly tokens: readonly number[];
  readonly found: Float64Array;
  /** Of the decoder's sequences, as they are now. */
  sequence: number;
}

/**
 * `continuations[i]` are those of prompt i: token ids, at least one each. Resolves to the log-probability of every token of
 * each. The decoder stays the caller's, and cannot be used for anything else afterwards.
 * @throws TriptychError INVALID_INPUT for an empty continuation; the reason of the signal once it is aborted.
 */
export async function logLikelihoods(
  decoder: Decoder,
  continuations: readonly (readonly (readonly number[])[])[],
  signal?: AbortSignal,
): Promise<TokenLogProbabilities[][]> {
  const lines = continuations.map((ofPrompt, prompt) => ofPrompt.map((tokens) => lineOf(tokens, prompt)));
  signal?.throwIfAborted();
  let logits = decoder.prefill();
  let going = lines.flat();
  for (let position = 0; ; position++) {
    await eachRow(logits, (row, sequence) => {
      const normaliser = logSumExp(row);
      for (const line of going)
        if (line.sequence === sequence) line.found[position] = row[line.tokens[position]!]! - normaliser;
    });
    going = going.filter(({ tokens }) => position + 1 < tokens.length);
    if (going.length === 0) return lines.map((ofPrompt) => ofPrompt.map(({ found }) => found));
    decoder.select(Int32Array.from(going, ({ sequence }) => sequence));
    for (const [i, line] of going.entries()) line.sequence = i;
    await breathe(signal);
    logits = decoder.step(Int32Array.from(going, ({ tokens }) => tokens[position]!));
  }
}

function lineOf(tokens: readonly number[], prompt: number): Line {
  if (tokens.length === 0)
    throw new TriptychError(
      'INVALID_INPUT',
      `a continuation of prompt ${prompt} has no tokens: its likelihood is that of nothing; give at least one`,
    );
  return { tokens, found: new Float64Array(tokens.length), sequence: prompt };
}

/** In double precision, where the logits are float32. */
function logSumExp(row: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < row.length; i++) largest = Math.max(largest, row[i]!);
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i]! - largest);
  return largest + Math.log(sum);
}
