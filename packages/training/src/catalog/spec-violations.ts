/** What the schema of a run cannot check: names of registries, fields that depend on each other, what the dataset holds. */
import { type Architecture, towerViolations } from '@triptych/models/catalog';
import { type ResolvedRunSpec, type RunSpec, show, type Violation, violationsOf } from '@triptych/protocol';
import { Type } from 'typebox';
import { objectives } from '../objectives/registry.ts';
import type { RunContext } from './resolve-run-spec.ts';
import { stepsPerEpoch, totalSteps } from './steps.ts';
import { tasks } from './tasks/registry.ts';

/** Of names that no registry has, or that this architecture cannot be combined with. */
export function nameViolations(spec: RunSpec, architecture: Architecture): Violation[] {
  const { method, objective, inputs, evaluation } = spec;
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
  oneOf('/objective/kind', objective?.kind, architecture.objectives, `an objective of ${title}`);
  if (objective && architecture.objectives.includes(objective.kind))
    found.push(...optionViolations(objective));
  found.push(...at('/inputs', violationsOf(Type.Partial(architecture.inputs), inputs ?? {})));
  const able = Object.values(tasks).filter(({ needs }) => architecture.abilities.includes(needs));
  for (const [i, task] of (evaluation?.tasks ?? []).entries())
    oneOf(
      `/evaluation/tasks/${i}`,
      task,
      able.map(({ name }) => name),
      `a task of ${title}`,
    );
  const { towers = {} } = spec;
  found.push(...towerViolations(architecture, towersOf(towers)));
  const isAdapted = method !== undefined && methods[method]?.adapts !== undefined;
  if (spec.adapter && method !== undefined && methods[method] && !isAdapted)
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
const towersOf = (towers: object) =>
  Object.fromEntries(Object.keys(towers).map((name) => [name, undefined]));

function optionViolations(objective: NonNullable<RunSpec['objective']>): Violation[] {
  const { kind, ...options } = objective;
  const { options: schema } = objectives[kind]!;
  const closed = Type.Object(schema.properties, { additionalProperties: false });
  return at('/objective', violationsOf(Type.Partial(closed, { additionalProperties: false }), options));
}

const at = (prefix: string, violations: readonly Violation[]): Violation[] =>
  violations.map((violation) => ({ ...violation, path: `${prefix}${violation.path}` }));

/** Of a complete spec. */
export function settingViolations(spec: ResolvedRunSpec, context: RunContext): Violation[] {
  return [
    ...batchViolations(spec, context),
    ...groupViolations(spec, context),
    ...datasetViolations(spec),
    ...contentViolations(spec, context),
    ...evaluationViolations(spec, context.dataset.splits),
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
  const steps = totalSteps(spec, dataset.trainSamples);
  const perEpoch = stepsPerEpoch(batch.global, dataset.trainSamples);
  require(schedule.warmupSteps <= steps || perEpoch === 0, {
    path: '/schedule/warmupSteps',
    expected: `at most the ${steps} steps of the run`,
    actual: `${schedule.warmupSteps}`,
    remedy: `use about ${Math.floor(steps / 10)} (a tenth), or train longer`,
  });
  return violations;
}

/** Groups that the model does not have, and rates of groups that are not trained. */
function groupViolations(
  { unlock = [], groups = {}, method, adapter }: ResolvedRunSpec,
  { architecture, modelConfig }: RunContext,
): Violation[] {
  const { trains, adapts = [] } = architecture.methods[method]!;
  const known = [...new Set(architecture.parameters(modelConfig).map(({ group }) => group))];
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
