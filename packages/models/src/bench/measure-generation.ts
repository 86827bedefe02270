/**
 * How fast competitors generate text with the untrained weights, greedily and through a cache of keys and values. In processes
 * of their own: what a process generated before would be in the peak memory of its training.
 */
import type { Competitor, CompetitorOptions } from './competitor.ts';
import type { Generated } from './messages.ts';
import { type FirstDifference, firstDifference } from './same-results.ts';
import { ratioOf, type Timing, timingOf } from './timings.ts';
import { type Turns, takeTurns } from './turns.ts';

export interface GenerationResult {
  readonly name: string;
  /** Continued together. */
  readonly prompts: number;
  readonly newTokens: number;
  /** Of all prompts: the picture tower, reading the prompts, and every new token. */
  readonly seconds: Timing;
  readonly tokensPerSecond: number;
  /** Of the time, against the first competitor: see `ratioOf`. */
  readonly ratio: number;
  /** From the tokens of the first competitor. */
  readonly difference?: FirstDifference;
}

const PROMPTS = [1, 8];
const NEW_TOKENS = 32;
/** Calls in a row, which are short; before the first that counts, a JavaScript engine has seen as many. */
const TIMES = 10;

/** For each number of prompts, the competitors in their order. */
export async function measureGeneration(
  competitors: readonly CompetitorOptions[],
  rounds: number,
): Promise<GenerationResult[]> {
  const generate = async (competitor: Competitor): Promise<Generated[]> => {
    const results: Generated[] = [];
    for (const prompts of PROMPTS)
      results.push(await competitor.generate({ prompts, newTokens: NEW_TOKENS, times: TIMES }));
    return results;
  };
  const all = await takeTurns({ competitors, rounds, warmUp: generate, round: generate });
  return PROMPTS.flatMap((prompts, i) => all.map((one) => resultOf(one, all[0]!, { prompts, i })));
}

function resultOf(
  one: Turns<Generated[]>,
  first: Turns<Generated[]>,
  { prompts, i }: { readonly prompts: number; readonly i: number },
): GenerationResult {
  const secondsOf = ({ rounds }: Turns<Generated[]>) => rounds.map((generated) => generated[i]!.seconds);
  const seconds = timingOf(secondsOf(one).flat());
  const difference = firstDifference(one.warmUp[i]!.tokens, first.warmUp[i]!.tokens);
  return {
    name: one.name,
    prompts,
    newTokens: NEW_TOKENS,
    seconds,
    tokensPerSecond: (prompts * NEW_TOKENS) / seconds.median,
    ratio: ratioOf(secondsOf(one), secondsOf(first)),
    ...(difference && { difference }),
  };
}
