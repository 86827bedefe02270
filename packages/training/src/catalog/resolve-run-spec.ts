/**
 * From what a user submitted to what will run: recipe defaults filled in, and every cross-field problem at once.
 * The single fields have been checked against the schema before; nothing here does I/O.
 */
import type { ClipConfig } from '@triptych/models/catalog';
import {
  invalidInput,
  type ResolvedRunSpec,
  type RunSpec,
  type Split,
  type Violation,
} from '@triptych/protocol';
import { optimizerDefaults, type Recipe, recipeFor } from './recipes.ts';
import { stepsPerEpoch, totalSteps } from './steps.ts';

export interface RunContext {
  readonly modelConfig: ClipConfig;
  /** True where the model brings weights; false for a preset, which is initialised from the run's seed. */
  readonly pretrained?: boolean;
  readonly dataset: {
    readonly trainImages: number;
    /** What each split holds; where it is absent, evaluation cannot be checked beforehand. */
    readonly splits?: readonly {
      readonly split: Split;
      readonly images: number;
      readonly captions: number;
      readonly classes: number;
    }[];
  };
}

/**
 * The complete spec.
 * @throws TriptychError INVALID_INPUT with every violation.
 */
export function resolveRunSpec(spec: RunSpec, context: RunContext): ResolvedRunSpec {
  const resolved = withDefaults(spec, context);
  const violations = crossFieldViolations(resolved, context);
  if (violations.length > 0) throw invalidInput('run', violations);
  return resolved;
}

function withDefaults(spec: RunSpec, context: RunContext): ResolvedRunSpec {
  const recipe = recipeFor(context.modelConfig, context.pretrained ?? false);
  const duration = spec.duration ?? recipe.duration;
  const batch = batchDefaults(spec, recipe, context.dataset.trainImages);
  const steps = totalSteps({ duration, batch }, context.dataset.trainImages);
  return {
    ...(spec.name === undefined ? {} : { name: spec.name }),
    model: spec.model,
    dataset: spec.dataset,
    seed: spec.seed ?? 0,
    objective: spec.objective ?? recipe.objective,
    duration,
    batch,
    memory: spec.memory ?? 'keep',
    optimizer: {
      ...optimizerDefaults,
      learningRate: recipe.learningRate,
      weightDecay: recipe.weightDecay,
      clipNorm: recipe.clipNorm,
      ...spec.optimizer,
    },
    schedule: { kind: 'cosine', warmupSteps: Math.floor(steps * recipe.warmupRatio), ...spec.schedule },
    checkpoint: { everySteps: recipe.checkpointEverySteps, ...spec.checkpoint },
    evaluation: { ...evaluationDefaults(spec, context), baseline: true, ...spec.evaluation },
    workers: { min: 1, max: batch.shards, pool: 'default', ...spec.workers },
    priority: spec.priority ?? 10,
  };
}

/** The recipe's batch, made smaller for a small dataset, and its shards made to divide the batch. */
function batchDefaults({ batch }: RunSpec, recipe: Recipe, trainImages: number): ResolvedRunSpec['batch'] {
  const wanted = Math.max(2, Math.min(recipe.globalBatch, trainImages));
  const shards = batch?.shards ?? largestDivisorUpTo(batch?.global ?? wanted, recipe.shards);
  const rounded = Math.max(shards, wanted - (wanted % shards));
  return { global: batch?.global ?? rounded, shards };
}

function largestDivisorUpTo(total: number, limit: number): number {
  for (let divisor = Math.min(limit, total); divisor > 1; divisor--)
    if (total % divisor === 0) return divisor;
  return 1;
}

/** The held-out split that has images, and the tasks that its annotations allow. */
function evaluationDefaults(
  spec: RunSpec,
  { dataset }: RunContext,
): Pick<ResolvedRunSpec['evaluation'], 'tasks' | 'split'> {
  const { splits } = dataset;
  if (!splits) return { tasks: ['zero-shot', 'retrieval'], split: 'test' };
  const images = (split: Split) => splits.find((one) => one.split === split)?.images ?? 0;
  const split =
    spec.evaluation?.split ?? (['test', 'validation'] as const).find((one) => images(one) > 0) ?? 'test';
  const summary = splits.find((one) => one.split === split);
  // A split that was asked for and is empty is reported, not skipped.
  if (spec.evaluation?.split && !summary?.images) return { tasks: ['zero-shot', 'retrieval'], split };
  const tasks: ResolvedRunSpec['evaluation']['tasks'] = [];
  if ((summary?.classes ?? 0) >= 2) tasks.push('zero-shot');
  if ((summary?.captions ?? 0) > 0) tasks.push('retrieval');
  return { tasks, split };
}

function crossFieldViolations(spec: ResolvedRunSpec, { dataset }: RunContext): Violation[] {
  const { batch, workers, schedule } = spec;
  const violations: Violation[] = [];
  const require = (holds: boolean, violation: Violation) => {
    if (!holds) violations.push(violation);
  };
  require(batch.global % batch.shards === 0, {
    path: '/batch/global',
    expected: `a multiple of batch.shards ${batch.shards}`,
    actual: `${batch.global}`,
    remedy: `use ${multiplesAround(batch.global, batch.shards).join(' or ')}`,
  });
  require(batch.global <= dataset.trainImages, {
    path: '/batch/global',
    expected: `at most the ${dataset.trainImages} images of the train split`,
    actual: `${batch.global}`,
    remedy: 'use a smaller batch or a larger dataset',
  });
  require(workers.max <= batch.shards, {
    path: '/workers/max',
    expected: `at most batch.shards ${batch.shards}, the unit of work`,
    actual: `${workers.max}`,
    remedy: `use at most ${batch.shards} workers, or raise batch.shards`,
  });
  require(workers.min <= workers.max, {
    path: '/workers/min',
    expected: `at most workers.max ${workers.max}`,
    actual: `${workers.min}`,
    remedy: 'lower min or raise max',
  });
  const steps = totalSteps(spec, dataset.trainImages);
  const perEpoch = stepsPerEpoch(batch.global, dataset.trainImages);
  require(schedule.warmupSteps <= steps || perEpoch === 0, {
    path: '/schedule/warmupSteps',
    expected: `at most the ${steps} steps of the run`,
    actual: `${schedule.warmupSteps}`,
    remedy: `use about ${Math.floor(steps / 10)} (a tenth), or train longer`,
  });
  violations.push(...evaluationViolations(spec, dataset.splits));
  return violations;
}

function evaluationViolations(
  { evaluation: { tasks, split } }: ResolvedRunSpec,
  splits: RunContext['dataset']['splits'],
): Violation[] {
  if (!splits || tasks.length === 0) return [];
  const filled = splits.filter(({ images }) => images > 0).map((one) => one.split);
  const summary = splits.find((one) => one.split === split);
  if (!summary || summary.images === 0)
    return [
      {
        path: '/evaluation/split',
        expected: 'a split with images',
        actual: `"${split}", which is empty`,
        remedy: `use ${filled.map((name) => `"${name}"`).join(' or ')}, or evaluate nothing with tasks []`,
      },
    ];
  const missing: Violation[] = [];
  if (tasks.includes('zero-shot') && summary.classes < 2)
    missing.push({
      path: '/evaluation/tasks',
      expected: `two classes at least in split "${split}" for "zero-shot"`,
      actual: `${summary.classes}`,
      remedy: 'leave "zero-shot" out, or register a dataset with class labels',
    });
  if (tasks.includes('retrieval') && summary.captions === 0)
    missing.push({
      path: '/evaluation/tasks',
      expected: `captions in split "${split}" for "retrieval"`,
      actual: 'none',
      remedy: 'leave "retrieval" out, or register a dataset with captions',
    });
  return missing;
}

/** The nearest multiples of `divisor` below and above `value`. */
function multiplesAround(value: number, divisor: number): number[] {
  const below = value - (value % divisor);
  return below === 0 ? [divisor] : [below, below + divisor];
}
