/** Beam search over a batch of prompts: models and logits here, the rules in hypotheses.ts. */
import type { Decoder } from './decoder.ts';
import { breathe, eachRow } from './generate.ts';
import { checkLimits, countViolations, type GenerationLimits } from './generation-limits.ts';
import { type BeamRules, type Candidate, type EndedBeam, Hypotheses } from './hypotheses.ts';
import { largest } from './largest.ts';

export interface BeamSearchOptions extends BeamRules, GenerationLimits {}

/**
 * For every prompt up to `beams` continuations, the best first. Prompts are read once, whatever the number of beams. The
 * decoder stays the caller's, and cannot be used for anything else afterwards. OpenFlamingo's captions are made with 3
 * beams, 20 new tokens and a length penalty of 0.
 * @throws TriptychError INVALID_INPUT for options that cannot be followed, MODEL_INVALID where logits are not numbers;
 * the reason of the signal once it is aborted.
 */
export async function beamSearch(
  decoder: Decoder,
  options: BeamSearchOptions,
): Promise<(readonly EndedBeam[])[]> {
  const { maxNewTokens, stopTokens = [], signal, ...rules } = options;
  checkLimits(options, countViolations('/beams', rules.beams));
  signal?.throwIfAborted();
  const prompts = Array.from(
    { length: decoder.batch },
    () => new Hypotheses(rules, { maxNewTokens, stopTokens }),
  );
  let logits = decoder.prefill();
  for (;;) {
    const rows = prompts.flatMap((prompt) => prompt.running.map((beam) => ({ prompt, beam })));
    const continuations = await eachRow(logits, (row, i) => {
      const { prompt, beam } = rows[i]!;
      return continuationsOf(row, { ...beam, count: prompt.candidates });
    });
    const parents: number[] = [];
    const tokens: number[] = [];
    let first = 0;
    for (const prompt of prompts) {
      const count = prompt.running.length;
      if (count === 0) continue;
      prompt.advance(bestOf(continuations.slice(first, first + count), prompt.candidates));
      for (const { parent, token } of prompt.running) {
        parents.push(first + parent);
        tokens.push(token);
      }
      first += count;
    }
    if (tokens.length === 0) return prompts.map(({ ended }) => ended);
    decoder.select(Int32Array.from(parents));
    await breathe(signal);
    logits = decoder.step(Int32Array.from(tokens));
  }
}

interface Continuation {
  readonly token: number;
  readonly logProbability: number;
}

/** The most probable next tokens after a sequence of the given log probability, the best first. */
function continuationsOf(
  logits: Float32Array,
  { logProbability, count }: { readonly logProbability: number; readonly count: number },
): Continuation[] {
  const tokens = largest(logits, count);
  const maximum = logits[tokens[0]!]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - maximum);
  const offset = logProbability - maximum - Math.log(sum);
  return tokens.map((token) => ({ token, logProbability: offset + logits[token]! }));
}

/** Of equals, the one of the better sequence, then the lower token. */
function bestOf(continuations: readonly Continuation[][], count: number): Candidate[] {
  return continuations
    .flatMap((ofBeam, parent) => ofBeam.map((continuation) => ({ ...continuation, parent })))
    .sort((a, b) => b.logProbability - a.logProbability || a.parent - b.parent || a.token - b.token)
    .slice(0, count);
}
