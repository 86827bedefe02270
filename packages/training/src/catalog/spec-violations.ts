/** What the schema of a run cannot check: names of registries, fields that depend on each other, what the dataset holds. */
import { type Architecture, abilitiesOf, objectivesOf, towerViolations } from '@triptych/models/catalog';
import {
  MAX_STEPS,
  type ResolvedRunSpec,
  type RunSpec,
  show,
  type Violation,
  violationsOf,
} from '@triptych/protocol';
import { type TObject, type TSchema, Type } from 'typebox';
import { objectives } from '../objectives/registry.ts';
import type { RunContext } from './resolve-run-spec.ts';
import { configForRun } from './run-config.ts';
import { stepsPerEpoch, totalSteps } from './steps.ts';
import { tasks } from './tasks/registry.ts';
import { validationViolations } from './validation.ts';

/** Of names that no registry has, or that this architecture cannot be combined with. */
export function nameViolations(
  spec: RunSpec & { readonly method: string },
  architecture: Architecture,
): Violation[] {
  const { method, objective, inputs, evaluation, validation } = spec;
  const { title, methods } = architecture;
  const found: Violation[] = [];
  const oneOf = (path: string, value: string | undefined, names: readonly string[], of: string) => {
    if (value !== undefined && !names.includes(value))
      found.push({
        path,
        expected: `${of}: ${names.join(', ')}`,
        actual: show(value),
        remedy: 'use one of these',
      });
  };
  oneOf('/method', method, Object.keys(methods), `a method of ${title}`);
  if (!Object.hasOwn(methods, method)) return found;
  const possible = objectivesOf(architecture, method);
  oneOf('/objective/kind', objective?.kind, possible, `an objective of ${title} by the method "${method}"`);
  if (objective && possible.includes(objective.kind)) found.push(...optionViolations(objective));
  found.push(...at('/inputs', violationsOf(someOf(architecture.inputs), inputs ?? {})));
  const abilities = abilitiesOf(architecture, method);
  const able = Object.values(tasks).filter(({ needs }) => abilities.includes(needs));
  for (const [part, { tasks: names = [] }] of Object.entries({
    evaluation: { ...evaluation },
    validation: { ...validation },
  }))
    for (const [i, task] of names.entries())
      oneOf(
        `/${part}/tasks/${i}`,
        task,
        able.map(({ name }) => name),
        `a task of ${title} by the method "${method}"`,
      );
  found.push(...towerViolations(architecture, towersOf(spec.towers ?? {})));
  if (spec.adapter && methods[method]!.adapts === undefined)
    found.push({
      path: '/adapter',
      expected: `nothing with the method "${method}"`,
      actual: show(spec.adapter),
      remedy: 'leave it out, or choose a method with adapters',
    });
  if ((spec.dataset === undefined) === (spec.datasets === undefined))
    found.push({
      path: '/dataset',
      expected: 'either "dataset" or "datasets"',
      actual: spec.dataset === undefined ? 'neither' : 'both',
      remedy: 'name one dataset, or list several',
    });
  return found;
}

/** Which architecture a named model has is not known here. */
const towersOf = (towers: object) => Object.fromEntries(Object.keys(towers).map((name) => [name, undefined]));

function optionViolations(objective: NonNullable<RunSpec['objective']>): Violation[] {
  const { kind, ...options } = objective;
  const { options: schema } = objectives[kind]!;
  return at('/objective', violationsOf(someOf(schema), options));
}

const partial = new WeakMap<TObject, TSchema>();

/** Options of which some are given, and no others. One schema for each, as it is compiled for the first check. */
function someOf(schema: TObject): TSchema {
  const known = partial.get(schema);
  if (known) return known;
  const some = Type.Partial(schema, { additionalProperties: false });
  partial.set(schema, some);
  return some;
}

const at = (prefix: string, violations: readonly Violation[]): Violation[] =>
  violations.map((violation) => ({ ...violation, path: `${prefix}${violation.path}` }));

/** Of a complete spec. */
export function settingViolations(spec: ResolvedRunSpec, context: RunContext): Violation[] {
  return [
    ...batchViolations(spec, context),
    ...augmentationViolations(spec),
    ...groupViolations(spec, context),
    ...headViolations(spec, context),
    ...interpolationViolations(spec, context),
    ...datasetViolations(spec),
    ...contentViolations(spec, context),
    ...evaluationViolations(spec, context.dataset.splits),
    ...validationViolations(spec, context),
  ];
}

function batchViolations(spec: ResolvedRunSpec, { dataset }: RunContext): Violation[] {
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
  require(batch.global <= dataset.trainSamples, {
    path: '/batch/global',
    expected: `at most the ${dataset.trainSamples} samples of the train split`,
    actual: `${batch.global}`,
    remedy:
      dataset.trainSamples < 2
        ? 'use a larger dataset: no batch has less than 2 samples'
        : 'use a smaller batch or a larger dataset',
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
  const steps = totalSteps(spec, dataset.trainSamples);
  require(steps <= MAX_STEPS, {
    path: '/duration/epochs',
    expected: `at most ${MAX_STEPS} steps in all`,
    actual: `${steps}`,
    remedy: 'train for fewer epochs, or with a larger batch',
  });
  const perEpoch = stepsPerEpoch(batch.global, dataset.trainSamples);
  require(schedule.warmupSteps <= steps || perEpoch === 0, {
    path: '/schedule/warmupSteps',
    expected: `at most the ${steps} steps of the run`,
    actual: `${schedule.warmupSteps}`,
    remedy: `use about ${Math.floor(steps / 10)} (a tenth), or train longer`,
  });
  return violations;
}

const augmentationViolations = ({ augmentation }: ResolvedRunSpec): Violation[] =>
  (['scale', 'ratio'] as const).flatMap((field) => {
    const [low, high] = augmentation?.[field] ?? [1, 1];
    if (low <= high) return [];
    return [
      {
        path: `/augmentation/${field}`,
        expected: 'the smallest value before the largest',
        actual: show([low, high]),
        remedy: `use ${show([high, low])}`,
      },
    ];
  });

/** Groups that the model does not have, and rates of groups that are not trained. */
function groupViolations(
  spec: ResolvedRunSpec,
  { architecture, modelConfig, dataset: { classNames = [] } }: RunContext,
): Violation[] {
  const { unlock = [], groups = {}, method, adapter } = spec;
  const { trains, adapts = [] } = architecture.methods[method]!;
  const config = configForRun({ architecture, config: modelConfig }, { ...spec, classNames });
  const known = [...new Set(architecture.parameters(config).map(({ group }) => group))];
  const exists = (path: string) => known.some((group) => group === path || group.startsWith(`${path}/`));
  const top = [...new Set(known.map((group) => group.split('/')[0]!))];
  const unknown = (path: string, group: string): Violation => ({
    path,
    expected: `a parameter group of the model: ${top.join(', ')}, or a part of one`,
    actual: show(group),
    remedy: 'use one of these',
  });
  const overlaps = (a: string, b: string) => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
  const trained = [...trains, ...unlock, ...(adapter ? adapts : [])];
  return [
    ...unlock.flatMap((group, i) => (exists(group) ? [] : [unknown(`/unlock/${i}`, group)])),
    ...Object.keys(groups).flatMap((group): Violation[] => {
      const path = `/groups/${group.replaceAll('/', '~1')}`;
      if (!exists(group)) return [unknown(path, group)];
      if (trained.some((one) => overlaps(one, group))) return [];
      return [
        {
          path,
          expected: `a group that the method "${method}" trains: ${trained.join(', ')}`,
          actual: `"${group}", which stays as it is`,
          remedy: 'leave it out, unlock it, or choose another method',
        },
      ];
    }),
  ];
}

/** A head needs classes, and the same ones for every sample. */
function headViolations(
  { method, datasets = [] }: ResolvedRunSpec,
  { architecture, dataset: { classNames, splits } }: RunContext,
): Violation[] {
  if (!architecture.methods[method]!.head) return [];
  const headless = Object.entries(architecture.methods)
    .filter(([, { head }]) => !head)
    .map(([name]) => `"${name}"`);
  const found: Violation[] = [];
  const train = splits?.find(({ split }) => split === 'train')?.classes;
  const classes = classNames && Math.min(classNames.length, train ?? classNames.length);
  if (classes !== undefined && classes < 2)
    found.push({
      path: datasets.length > 0 ? '/datasets/0/name' : '/dataset',
      expected: `two classes at least in split "train" for the method "${method}"`,
      actual: `${classes}`,
      remedy: `register a dataset with class labels, or use the method ${headless.join(' or ')}`,
    });
  if (datasets.length > 1)
    found.push({
      path: '/datasets',
      expected: `one dataset with the method "${method}", whose head has that one's classes`,
      actual: `${datasets.length}`,
      remedy: 'join them into one dataset, or train on the first one alone',
    });
  return found;
}

/** Between random weights and trained ones lies nothing, and products of adapters do not lie on a line. */
function interpolationViolations(
  { evaluation: { sweep, tasks: names }, interpolation, method, adapter }: ResolvedRunSpec,
  { pretrained = false }: RunContext,
): Violation[] {
  const named = [
    ['/evaluation/sweep', sweep],
    ['/interpolation', interpolation],
  ] as const;
  return named.flatMap(([path, value]) => {
    if (value === undefined) return [];
    const refused = (expected: string, remedy: string): Violation[] => [
      { path, expected, actual: show(value), remedy },
    ];
    return [
      ...(pretrained
        ? []
        : refused(
            'nothing for a model with random weights',
            'start from an imported or trained model, or leave it out',
          )),
      ...(adapter === undefined
        ? []
        : refused(`nothing with the adapters of the method "${method}"`, 'leave it out')),
      ...(path === '/interpolation' || names.length > 0
        ? []
        : refused('a task in evaluation.tasks to score by', 'name a task, or leave it out')),
    ];
  });
}

function datasetViolations({ datasets = [], objective }: ResolvedRunSpec): Violation[] {
  const names = datasets.map(({ name }) => name);
  return datasets.flatMap(({ name, lossWeight }, i): Violation[] => {
    if (names.indexOf(name) !== i)
      return [
        {
          path: `/datasets/${i}/name`,
          expected: 'each dataset once',
          actual: `"${name}" again`,
          remedy: 'raise its weight instead',
        },
      ];
    if (lossWeight === 1 || objectives[objective.kind]?.outputs !== 'features') return [];
    return [
      {
        path: `/datasets/${i}/lossWeight`,
        expected: `1 with the objective "${objective.kind}", whose pairs are of all datasets`,
        actual: `${lossWeight}`,
        remedy: 'change its weight instead',
      },
    ];
  });
}

/** Samples that the model cannot learn from. */
function contentViolations(
  { datasets }: ResolvedRunSpec,
  { architecture, dataset: { trained = [] } }: RunContext,
): Violation[] {
  return trained.flatMap(({ name, contents }, i): Violation[] => {
    const wrong = Object.entries(contents).filter(
      ([kind, count]) => count > 0 && !architecture.contents.some((one) => one === kind),
    );
    if (wrong.length === 0) return [];
    return [
      {
        path: datasets ? `/datasets/${i}/name` : '/dataset',
        expected: `samples of the kind ${architecture.contents.join(' or ')} for ${architecture.title}`,
        actual: `${wrong.map(([kind, count]) => `${count} of the kind ${kind}`).join(', ')} in "${name}"`,
        remedy: 'register the folder in a format that reads it so, or train another architecture',
      },
    ];
  });
}

function evaluationViolations(
  { evaluation: { tasks: names, split } }: ResolvedRunSpec,
  splits: RunContext['dataset']['splits'],
): Violation[] {
  if (!splits || names.length === 0) return [];
  const filled = splits.filter(({ samples }) => samples > 0).map((one) => one.split);
  const summary = splits.find((one) => one.split === split);
  if (!summary || summary.samples === 0)
    return [
      {
        path: '/evaluation/split',
        expected: 'a split with samples',
        actual: `"${split}", which is empty`,
        remedy: `use ${filled.map((name) => `"${name}"`).join(' or ')}, or evaluate nothing with tasks []`,
      },
    ];
  return names.flatMap((name) => {
    const obstacle = tasks[name]?.check(summary);
    return obstacle ? [{ path: '/evaluation/tasks', ...obstacle }] : [];
  });
}

/** The nearest multiples of `divisor` below and above `value`. */
function multiplesAround(value: number, divisor: number): number[] {
  const below = value - (value % divisor);
  return below === 0 ? [divisor] : [below, below + divisor];
}
