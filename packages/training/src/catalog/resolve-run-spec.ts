/**
 * From what a user submitted to what will run: recipe defaults filled in, and every cross-field problem at once.
 * Nothing here does I/O.
 */
import { type AdapterOptions, type Architecture, abilitiesOf, type Recipe } from '@triptych/models/catalog';
import {
  type Augmentation,
  invalidInput,
  type ResolvedRunSpec,
  RunSpec,
  type Split,
  type SplitSummary,
  violationsOf,
} from '@triptych/protocol';
import { nameViolations, settingViolations } from './spec-violations.ts';
import { totalSteps } from './steps.ts';
import { tasks } from './tasks/registry.ts';
import { validationDefaults } from './validation.ts';

export interface RunContext {
  readonly architecture: Architecture;
  readonly modelConfig: object;
  /** True where the model brings weights; false for a preset, which is initialised from the run's seed. */
  readonly pretrained?: boolean;
  /** How the adapter that the model brings is applied: a run with adapters goes on with it where it says nothing else. */
  readonly adapter?: AdapterOptions;
  readonly dataset: {
    readonly trainSamples: number;
    /** What each split holds; where it is absent, evaluation cannot be checked beforehand. */
    readonly splits?: readonly SplitSummary[];
    /** Of the dataset that is named first; absent where it is not known. */
    readonly classNames?: readonly string[];
    /** The train split of every dataset of the run. */
    readonly trained?: readonly { readonly name: string; readonly contents: SplitSummary['contents'] }[];
  };
}

/**
 * The complete spec.
 * @throws TriptychError INVALID_INPUT with every violation.
 */
export function resolveRunSpec(spec: RunSpec, context: RunContext): ResolvedRunSpec {
  // Fields that depend on each other are compared only where each of them is sound.
  const unsound = violationsOf(RunSpec, spec);
  if (unsound.length > 0) throw invalidInput('run', unsound);
  // Without valid names there are no defaults to fill in.
  const { architecture } = context;
  const method = spec.method ?? defaultMethod(architecture, startsTrained(spec, context));
  const unknown = nameViolations({ ...spec, method }, architecture);
  if (unknown.length > 0) throw invalidInput('run', unknown);
  const resolved = withDefaults({ ...spec, method }, context);
  const violations = settingViolations(resolved, context);
  if (violations.length > 0) throw invalidInput('run', violations);
  return resolved;
}

/** A tower that was trained would be lost in a training from scratch. */
const startsTrained = ({ towers = {} }: RunSpec, { pretrained = false }: RunContext): boolean =>
  pretrained || Object.keys(towers).length > 0;

/** Where nothing is trained yet, a method for that; otherwise the first. */
function defaultMethod({ methods }: Architecture, pretrained: boolean): string {
  const names = Object.keys(methods);
  return names.find((name) => (methods[name]!.fromScratch ?? false) === !pretrained) ?? names[0]!;
}

function withDefaults(spec: RunSpec & { method: string }, context: RunContext): ResolvedRunSpec {
  const { architecture, modelConfig } = context;
  const pretrained = startsTrained(spec, context);
  const { method } = spec;
  const recipe = architecture.recipe(modelConfig, { method, pretrained });
  const duration = spec.duration ?? recipe.duration;
  const batch = batchDefaults(spec, recipe, context.dataset.trainSamples);
  const steps = totalSteps({ duration, batch }, context.dataset.trainSamples);
  const groups = { ...recipe.groups, ...spec.groups };
  const datasets = spec.datasets?.map((one) => ({ weight: 1, lossWeight: 1, ...one }));
  return {
    ...(spec.name === undefined ? {} : { name: spec.name }),
    model: spec.model,
    ...(spec.towers === undefined ? {} : { towers: spec.towers }),
    method,
    ...(spec.unlock === undefined ? {} : { unlock: spec.unlock }),
    ...(architecture.methods[method]!.adapts === undefined
      ? {}
      : { adapter: { ...adapterDefaults, ...context.adapter, ...spec.adapter } }),
    dataset: spec.dataset ?? datasets?.[0]?.name ?? '',
    ...(datasets ? { datasets } : {}),
    inputs: { ...defaultsOf(architecture.inputs), ...spec.inputs },
    ...(spec.augmentation === undefined
      ? {}
      : { augmentation: { ...augmentationDefaults, ...spec.augmentation } }),
    seed: spec.seed ?? 0,
    objective: spec.objective ?? recipe.objective,
    duration,
    batch,
    memory: spec.memory ?? 'keep',
    optimizer: {
      kind: 'adamw',
      beta1: 0.9,
      beta2: recipe.beta2,
      epsilon: recipe.epsilon,
      learningRate: recipe.learningRate,
      weightDecay: recipe.weightDecay,
      clipNorm: recipe.clipNorm,
      ...spec.optimizer,
    },
    ...(Object.keys(groups).length === 0 ? {} : { groups }),
    ...(spec.layerDecay === undefined ? {} : { layerDecay: spec.layerDecay }),
    ...(spec.averaging === undefined ? {} : { averaging: spec.averaging }),
    ...(spec.interpolation === undefined ? {} : { interpolation: spec.interpolation }),
    schedule: {
      kind: recipe.schedule,
      warmupSteps: Math.floor(steps * recipe.warmupRatio),
      ...spec.schedule,
    },
    checkpoint: { everySteps: recipe.checkpointEverySteps, ...spec.checkpoint },
    ...validationDefaults(spec, { steps, splits: context.dataset.splits }),
    evaluation: { ...evaluationDefaults(spec, context), baseline: true, ...spec.evaluation },
    workers: { min: 1, max: batch.shards, pool: 'default', ...spec.workers },
    priority: spec.priority ?? 10,
  };
}

/** open_clip's. */
const augmentationDefaults: Augmentation = {
  kind: 'random-resized-crop',
  scale: [0.9, 1],
  ratio: [3 / 4, 4 / 3],
};

const adapterDefaults = { rank: 16, alpha: 32, dropout: 0.05, rankStabilised: false };

/** Options with the values that their schema gives where nothing is said. */
export const defaultsOf = ({ properties }: Architecture['inputs']): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([name, schema]) => {
      const { default: value } = schema as { default?: unknown };
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** The recipe's batch, made smaller for a small dataset, and its shards made to divide the batch. */
function batchDefaults({ batch }: RunSpec, recipe: Recipe, trainSamples: number): ResolvedRunSpec['batch'] {
  const wanted = Math.max(2, Math.min(recipe.globalBatch, trainSamples));
  const shards = batch?.shards ?? largestDivisorUpTo(batch?.global ?? wanted, recipe.shards);
  const rounded = Math.max(shards, wanted - (wanted % shards));
  const { byLength } = batch ?? {};
  return { global: batch?.global ?? rounded, shards, ...(byLength === undefined ? {} : { byLength }) };
}

function largestDivisorUpTo(total: number, limit: number): number {
  for (let divisor = Math.min(limit, total); divisor > 1; divisor--)
    if (total % divisor === 0) return divisor;
  return 1;
}

/** The held-out split that has samples, and the tasks that the model can do and its annotations allow. */
function evaluationDefaults(
  spec: RunSpec & { method: string },
  { dataset, architecture }: RunContext,
): Pick<ResolvedRunSpec['evaluation'], 'tasks' | 'split'> {
  const { splits } = dataset;
  const abilities = abilitiesOf(architecture, spec.method);
  const { tasks: usual } = architecture.methods[spec.method]!;
  const able = Object.values(tasks).filter(
    ({ name, needs }) => abilities.includes(needs) && (usual?.includes(name) ?? true),
  );
  const names = able.map(({ name }) => name);
  if (!splits) return { tasks: names, split: 'test' };
  const samples = (split: Split) => splits.find((one) => one.split === split)?.samples ?? 0;
  const split =
    spec.evaluation?.split ?? (['test', 'validation'] as const).find((one) => samples(one) > 0) ?? 'test';
  const summary = splits.find((one) => one.split === split);
  // A split that was asked for and is empty is reported, not skipped.
  if (spec.evaluation?.split && !summary?.samples) return { tasks: names, split };
  const possible = summary
    ? able.filter((task) => task.check(summary) === undefined && task.isDefault(summary))
    : [];
  return { tasks: possible.map(({ name }) => name), split };
}
