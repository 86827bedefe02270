/** What the quickstart leaves behind for scripts. */
import type { Run, Score, StepMetric } from '@triptych/protocol';
import type { ShownPrediction } from './predictions.ts';
import { type Seconds, samplesPerSecond } from './stopwatch.ts';

/** task -> metric -> value */
export type ScoreTree = Record<string, Record<string, number>>;

export interface QuickstartReport {
  readonly run: Run;
  readonly scores: ScoreTree;
  /** Of the model before the first step. */
  readonly baseline: ScoreTree;
  /** What guessing would score. */
  readonly chance: ScoreTree;
  readonly weights: { readonly sha256: string; readonly bytes: number; readonly path: string };
  /** A few answers to held-out samples; empty where the architecture gives none. */
  readonly predictions: readonly ShownPrediction[];
  readonly workers: number;
  readonly samplesPerSecond: number;
  readonly seconds: Seconds;
}

export function reportOf(options: {
  readonly run: Run;
  readonly steps: readonly StepMetric[];
  readonly weightsPath: string;
  readonly seconds: Seconds;
  readonly predictions: readonly ShownPrediction[];
}): QuickstartReport {
  const { run, steps, weightsPath, seconds, predictions } = options;
  const stage = (wanted: Score['stage']) => run.scores.filter((score) => score.stage === wanted);
  return {
    run,
    scores: tree(stage('final'), ({ value }) => value),
    baseline: tree(stage('baseline'), ({ value }) => value),
    chance: tree(stage('final'), ({ chance }) => chance),
    weights: { ...run.weights!, path: weightsPath },
    predictions,
    workers: run.worldSize,
    samplesPerSecond: samplesPerSecond(run, steps),
    seconds,
  };
}

function tree(scores: readonly Score[], pick: (score: Score) => number | undefined): ScoreTree {
  const root: ScoreTree = {};
  for (const score of scores) {
    const value = pick(score);
    if (value === undefined) continue;
    root[score.task] = { ...root[score.task], [score.metric]: value };
  }
  return root;
}
