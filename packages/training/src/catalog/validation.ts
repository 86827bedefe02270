/**
 * What follows from the validations of a run: which weights were best so far, and whether it goes on. Pure functions of the series,
 * so that every rank, and a run that is resumed, comes to the same.
 */
import {
  type EarlyStopping,
  type ResolvedRunSpec,
  type RunSpec,
  show,
  type Violation,
} from '@triptych/protocol';
import type { RunContext } from './resolve-run-spec.ts';
import { totalSteps } from './steps.ts';
import { tasks } from './tasks/registry.ts';

/** The objective's own value, in the place of a task's metric. */
export const LOSS = 'loss';

export interface Validated {
  readonly step: number;
  /** By `loss`, or task and metric: `zero-shot/accuracy@1`. */
  readonly values: Readonly<Record<string, number>>;
}

/** A validation leaves rows; a run must not leave any number of them. */
export const MOST_VALIDATIONS = 1000;

/** `loss` of `best:loss`. */
export const bestMetric = (keep = 'last'): string | undefined =>
  keep.startsWith('best:') ? keep.slice('best:'.length) : undefined;

const lowerIsBetter = (metric: string): boolean => /(^|\/)(loss|.*rank.*)$/.test(metric);

/** By more than `minDelta`. What is no number is never better. */
export function isBetter(metric: string, value: number, than: number | undefined, minDelta = 0): boolean {
  if (!Number.isFinite(value)) return false;
  if (than === undefined) return true;
  return lowerIsBetter(metric) ? value < than - minDelta : value > than + minDelta;
}

/** The first of the best ones; undefined where none has a number. */
export function bestOf(series: readonly Validated[], metric: string): Validated | undefined {
  let best: Validated | undefined;
  for (const one of series)
    if (isBetter(metric, one.values[metric] ?? Number.NaN, best?.values[metric])) best = one;
  return best;
}

/** Whether the last `patience` validations brought nothing better than those before them. */
export function isStalled(
  series: readonly Validated[],
  { metric, patience, minDelta }: EarlyStopping,
): boolean {
  let best: number | undefined;
  let since = 0;
  for (const { values } of series) {
    const value = values[metric] ?? Number.NaN;
    if (isBetter(metric, value, best, minDelta)) [best, since] = [value, 0];
    else since += 1;
  }
  return since >= patience;
}

export function validationDefaults(
  { validation, earlyStopping, checkpoint }: Pick<RunSpec, 'validation' | 'earlyStopping' | 'checkpoint'>,
  { steps, splits }: { readonly steps: number; readonly splits: RunContext['dataset']['splits'] },
): Pick<ResolvedRunSpec, 'validation' | 'earlyStopping'> {
  const kept = bestMetric(checkpoint?.keep);
  if (!validation && !earlyStopping && kept === undefined) return {};
  const [task] = (kept ?? earlyStopping?.metric ?? LOSS).split('/');
  const split = (['validation', 'test'] as const).find(
    (one) => splits?.find((of) => of.split === one)?.samples,
  );
  return {
    validation: {
      everySteps: Math.max(1, Math.floor(steps / 10)),
      split: split ?? 'validation',
      tasks: task === LOSS ? [] : [task!],
      ...validation,
    },
    ...(earlyStopping && {
      earlyStopping: {
        metric: kept ?? LOSS,
        patience: 3,
        minDelta: 0,
        ...earlyStopping,
      },
    }),
  };
}

export function validationViolations(spec: ResolvedRunSpec, { dataset }: RunContext): Violation[] {
  const { validation, earlyStopping, checkpoint, batch } = spec;
  if (!validation) return [];
  const found: Violation[] = [];
  const { everySteps, split, limit, tasks: names } = validation;
  const steps = totalSteps(spec, dataset.trainSamples);
  if (steps / everySteps > MOST_VALIDATIONS)
    found.push({
      path: '/validation/everySteps',
      expected: `at least ${Math.ceil(steps / MOST_VALIDATIONS)}, so that ${steps} steps have at most ${MOST_VALIDATIONS} validations`,
      actual: `${everySteps}`,
      remedy: 'validate less often',
    });
  const summary = dataset.splits?.find((one) => one.split === split);
  const samples = Math.min(summary?.samples ?? 0, limit ?? Number.POSITIVE_INFINITY);
  if (dataset.splits && samples < batch.global)
    found.push({
      path: limit !== undefined && limit < batch.global ? '/validation/limit' : '/validation/split',
      expected: `at least the ${batch.global} samples of a batch: the loss of a batch depends on its size`,
      actual: `${samples} of split "${split}"`,
      remedy: 'use a smaller batch, another split, or a dataset with more held-out samples',
    });
  for (const name of names) {
    const obstacle = summary && tasks[name]?.check(summary);
    if (obstacle) found.push({ path: '/validation/tasks', ...obstacle });
  }
  const named = [
    ['/checkpoint/keep', bestMetric(checkpoint.keep)],
    ['/earlyStopping/metric', earlyStopping?.metric],
  ] as const;
  for (const [path, metric] of named)
    if (metric !== undefined && metric !== LOSS && !names.includes(metric.split('/')[0]!))
      found.push({
        path,
        expected: `"${LOSS}", or a task in validation.tasks and its metric, such as "${names[0] ?? 'zero-shot'}/accuracy@1"`,
        actual: show(metric),
        remedy: 'name its task in validation.tasks, or watch the loss',
      });
  return found;
}
