/** From one score for each candidate to the ranking that is answered. */
import type { PredictionResult } from '@triptych/protocol';

export type Ranking = Extract<PredictionResult, { ranking: unknown }>['ranking'];

export interface Scored {
  readonly scores: ArrayLike<number>;
  /** Scores times this are logits. */
  readonly scale: number;
  readonly texts?: readonly string[];
  readonly tokens?: ArrayLike<number>;
}

/** The best first; of equal ones, the first. Probabilities are a softmax over all candidates. */
export function rankingOf({ scores, scale, texts, tokens }: Scored): Ranking {
  const logits = Array.from(scores, (score) => score * scale);
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights
    .map((weight, index) => ({
      index,
      ...(texts && { text: texts[index]! }),
      score: scores[index]!,
      probability: weight / sum,
      ...(tokens && { tokens: tokens[index]! }),
    }))
    .sort((a, b) => b.score - a.score || a.index - b.index);
}
