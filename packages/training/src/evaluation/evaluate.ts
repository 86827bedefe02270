/** Scores a model on one split by the tasks of a run. What is asked of the model is shared by the ranks; scoring is not. */
import type { ProcessGroup } from '@triptych/collective';
import type { Model } from '@triptych/models';
import type { EvaluationPolicy, EvaluationTask, Split } from '@triptych/protocol';
import type { ScoreValue } from '@triptych/scoring';
import { tasks } from '../catalog/tasks/registry.ts';
import type { EvaluationSample, Prediction } from '../catalog/tasks/task.ts';
import type { Examples } from '../loading/examples.ts';
import { gatheredAbilities } from './gathered-abilities.ts';

export interface TaskScore extends ScoreValue {
  readonly task: EvaluationTask;
  readonly samples: number;
}

export interface EvaluationOptions {
  readonly examples: Examples;
  readonly spec: { readonly seed: number; readonly evaluation: Omit<EvaluationPolicy, 'baseline'> };
  readonly model: Model;
  readonly group: ProcessGroup;
  readonly signal: AbortSignal;
}

export interface Evaluation {
  readonly scores: readonly TaskScore[];
  readonly predictions: Readonly<Record<EvaluationTask, readonly Prediction[]>>;
}

/** All scores of all tasks; every rank must call it, and every rank gets the same. */
export async function evaluate(options: EvaluationOptions): Promise<Evaluation> {
  const { examples, spec, model, group, signal } = options;
  const { tasks: names, split, limit, shots = 0, choice = 'random' } = spec.evaluation;
  const samples = samplesOf(examples, split).slice(0, limit);
  const scores: TaskScore[] = [];
  const predictions: Record<EvaluationTask, readonly Prediction[]> = {};
  if (samples.length === 0) return { scores, predictions };
  const context = {
    samples,
    classNames: examples.dataset.manifest.classNames,
    support: shots > 0 ? samplesOf(examples, 'train') : [],
    shots,
    choice,
    seed: spec.seed,
    ...gatheredAbilities({ abilities: model.abilities, examples, group, signal }),
  };
  for (const task of names) {
    const result = await tasks[task]!.run(context);
    for (const score of result.scores) scores.push({ task, samples: result.samples, ...score });
    if (result.predictions) predictions[task] = result.predictions;
  }
  return { scores, predictions };
}

function samplesOf({ dataset }: Examples, split: Split): EvaluationSample[] {
  return Array.from(dataset.indices(split), (index) => {
    const { id, content, images, classIndex } = dataset.manifest.samples[index]!;
    return { index, id, content, images: images.length, ...(classIndex === undefined ? {} : { classIndex }) };
  });
}
