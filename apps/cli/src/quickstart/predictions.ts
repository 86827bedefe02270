/** What the trained model said to a few held-out samples, for people to judge by themselves. */
import type { TriptychClient } from '@triptych/client';
import type { SamplePrediction } from '@triptych/protocol';

const SHOWN = 5;

export interface ShownPrediction {
  readonly task: string;
  /** Of the sample. */
  readonly id: string;
  readonly question: string;
  readonly answer: string;
  /** The answer that most people gave. */
  readonly truth: string;
}

/** Of the trained model, spread over its samples, so that they are of different images; none where no task keeps any. */
export async function shownPredictions({
  client,
  runId,
  signal,
}: {
  readonly client: TriptychClient;
  readonly runId: string;
  readonly signal: AbortSignal;
}): Promise<ShownPrediction[]> {
  const reports = await client.runs.predictions(runId, { signal });
  return reports
    .filter(({ stage }) => stage === 'final')
    .flatMap(({ task, predictions }) => spread(predictions).map((one) => ({ task, ...shown(one) })));
}

/** Lines for a terminal; empty where there is nothing to show. */
export const predictionLines = (predictions: readonly ShownPrediction[]): string =>
  predictions
    .map(
      ({ id, question, answer, truth }) =>
        `image     ${id}\n  asked   ${onOneLine(question)}\n  answer  ${answer}\n  truth   ${truth}\n`,
    )
    .join('');

const onOneLine = (text: string): string => text.replace(/\s+/g, ' ');

function spread<T>(all: readonly T[]): T[] {
  const count = Math.min(SHOWN, all.length);
  const apart = Math.floor(all.length / Math.max(1, count));
  // One further each time: samples that share an image follow one another, and ask the same in the same order.
  return Array.from({ length: count }, (_, i) => all[i * apart + (i % apart)]!);
}

const shown = ({ id, prompt, prediction, truth }: SamplePrediction) => ({
  id,
  question: prompt,
  answer: prediction,
  truth: mostCommon(truth),
});

function mostCommon(answers: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}
