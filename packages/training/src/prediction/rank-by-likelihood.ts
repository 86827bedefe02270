/** Candidates ranked by how likely a language model holds them after a picture. */
import { setImmediate } from 'node:timers/promises';
import type { Loglikelihood } from '@triptych/models';
import type { TaskOf } from '@triptych/protocol';
import { openCaption, openQuestion } from './prompts.ts';
import { type Ranking, rankingOf } from './ranking.ts';

export interface LikelihoodRanking {
  readonly loglikelihood: Loglikelihood;
  /** Transformed, by position. */
  readonly pictures: readonly Uint8Array[];
  readonly signal: AbortSignal;
}

/** Candidates that are computed together: each has its own copy of the prompt's keys and values. */
const BLOCK = 32;

/** By the sum of the log-probabilities of all tokens: the probability of the whole candidate. */
export async function rankByLikelihood(
  task: TaskOf<'classify' | 'match-captions'>,
  { loglikelihood, pictures, signal }: LikelihoodRanking,
): Promise<Ranking> {
  const picture = pictures[task.image]!;
  const asked = task.kind === 'classify' ? task.question : undefined;
  const prompt = asked === undefined ? openCaption(picture) : openQuestion(asked, [picture]);
  const texts = task.kind === 'classify' ? task.labels : task.captions;
  const scores = new Float64Array(texts.length);
  const tokens = new Int32Array(texts.length);
  for (let start = 0; start < texts.length; start += BLOCK) {
    await setImmediate();
    signal.throwIfAborted();
    const found = await loglikelihood([prompt], texts.slice(start, start + BLOCK));
    scores.set(found.sums, start);
    tokens.set(found.tokens, start);
  }
  return rankingOf({ scores, scale: 1, texts, tokens });
}
