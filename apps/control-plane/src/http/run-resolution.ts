/** From the body of a submission to a run that can be queued or planned: names looked up, defaults filled in. */
import {
  type AdapterOptions,
  type Architecture,
  architectureNamed,
  composedConfig,
  towerViolations,
} from '@triptych/models/catalog';
import {
  type Dataset,
  invalidInput,
  isReady,
  type Model,
  pathTo,
  type ReadyDataset,
  type ResolvedRunSpec,
  type RunSpec,
  show,
  type Violation,
} from '@triptych/protocol';
import { configForRun, resolveRunSpec, totalSteps } from '@triptych/training/catalog';
import type { DatasetStore } from '../store/dataset-store.ts';
import type { ModelCatalog } from './model-catalog.ts';

export interface ResolvedRun {
  readonly spec: ResolvedRunSpec;
  /** In the order of the spec; the first one is scored on. */
  readonly datasets: readonly ReadyDataset[];
  readonly model: Model;
  /** File lists of the models that towers come from, by tower. */
  readonly towerArtifacts: Readonly<Record<string, string>>;
  readonly architecture: Architecture;
  readonly modelConfig: object;
  /** Samples of the train splits, all datasets together. */
  readonly trainSamples: number;
  readonly totalSteps: number;
}

export interface Catalogs {
  readonly datasets: Pick<DatasetStore, 'find'>;
  readonly models: Pick<ModelCatalog, 'find' | 'presetNames'>;
  /** Of the adapter that a model brings. */
  readonly adapterOf: (model: Model) => Promise<AdapterOptions | undefined>;
}

/**
 * @param found what the schema found wrong; names that do not exist are added to it, so that one answer has them all.
 * @throws TriptychError INVALID_INPUT with every violation
 */
export async function resolveRun(
  body: unknown,
  { datasets, models, adapterOf, found }: Catalogs & { found: readonly Violation[] },
): Promise<ResolvedRun> {
  const bad = found.map(({ path }) => path);
  // Nothing is looked up that the schema refuses, or that is a part of what it refuses.
  const named = namedIn(body).filter(({ path }) => !bad.some((one) => `${path}/`.startsWith(`${one}/`)));
  const [foundDatasets, model] = await Promise.all([
    Promise.all(
      named
        .filter(({ kind }) => kind === 'dataset')
        .map(async (one) => ({ ...one, dataset: await datasets.find(one.name) })),
    ),
    Promise.all(
      named
        .filter(({ kind }) => kind === 'model')
        .map(async (one) => ({ ...one, model: await models.find(one.name) })),
    ),
  ]);
  const violations = [...found];
  for (const { path, name, dataset } of foundDatasets)
    if (!dataset)
      violations.push({
        path,
        expected: 'the id or name of a registered dataset',
        actual: show(name),
        remedy: 'register it with POST /v1/datasets, or see GET /v1/datasets',
      });
    else if (!isReady(dataset)) violations.push(unready(path, dataset));
  for (const { path, name, model: one } of model)
    if (!one)
      violations.push({
        path,
        expected: `a preset (${models.presetNames.join(', ')}) or the id or name of a model`,
        actual: show(name),
        remedy: 'see GET /v1/models',
      });
  if (!foundDatasets.length && !bad.some((path) => path.startsWith('/dataset')))
    violations.push({
      path: '/dataset',
      expected: 'the id or name of a registered dataset, or a list of them in "datasets"',
      actual: 'nothing',
      remedy: 'add the field "dataset"; see GET /v1/datasets',
    });
  const base = model.find(({ path }) => path === '/model')?.model;
  const towers: Record<string, Model> = {};
  for (const { path, model: one } of model)
    if (one && path.startsWith(TOWERS)) towers[path.slice(TOWERS.length)] = one;
  if (base) violations.push(...unfitTowers(base, towers));
  if (violations.length > 0 || !base) throw invalidInput('run', violations);
  return resolve(body as RunSpec, {
    datasets: foundDatasets.flatMap(({ dataset }) => (dataset && isReady(dataset) ? dataset : [])),
    model: base,
    adapter: await adapterOf(base),
    towers,
  });
}

function unready(path: string, { name, state, progress, failure }: Dataset): Violation {
  const { done = 0, total = 0 } = progress ?? {};
  const far = total > 0 ? ` (${done} of ${total} images)` : '';
  return {
    path,
    expected: 'a dataset that is READY',
    actual: `${show(name)}, which is ${state}${failure ? `: ${failure.message}` : far}`,
    remedy:
      state === 'VALIDATING'
        ? 'wait until it has been read; GET /v1/datasets/{id}/events tells'
        : 'mend its folder and register it again',
  };
}

const TOWERS = '/towers/';

/** Towers are weights: a preset has none, and a model of another architecture has others. */
function unfitTowers({ architecture }: Model, towers: Readonly<Record<string, Model>>): Violation[] {
  const names = Object.entries(towers).map(([tower, model]) => [tower, model.architecture] as const);
  const found = towerViolations(architectureNamed(architecture), Object.fromEntries(names));
  for (const [tower, { artifact, name }] of Object.entries(towers))
    if (artifact === undefined)
      found.push({
        path: `${TOWERS}${tower}`,
        expected: 'a model that was trained or imported',
        actual: `the preset ${show(name)}`,
        remedy: 'train it first, or leave the tower out',
      });
  return found;
}

interface Named {
  readonly kind: 'dataset' | 'model';
  readonly path: string;
  readonly name: string;
}

/** What the body names, as far as it is text. */
function namedIn(body: unknown): Named[] {
  const fields = body !== null && typeof body === 'object' ? (body as Record<string, unknown>) : {};
  const named = (kind: Named['kind'], path: string, name: unknown): Named[] =>
    typeof name === 'string' ? [{ kind, path, name }] : [];
  const list = Array.isArray(fields['datasets']) ? (fields['datasets'] as unknown[]) : [];
  return [
    ...named('model', '/model', fields['model']),
    ...Object.entries((fields['towers'] ?? {}) as object).flatMap(([tower, name]: [string, unknown]) =>
      named('model', pathTo('/towers', tower), name),
    ),
    ...named('dataset', '/dataset', fields['dataset']),
    ...list.flatMap((one, i) =>
      named('dataset', `/datasets/${i}/name`, (one as { name?: unknown } | null)?.name),
    ),
  ];
}

function resolve(
  body: RunSpec,
  {
    datasets,
    model,
    adapter,
    towers,
  }: {
    datasets: readonly ReadyDataset[];
    model: Model;
    adapter: AdapterOptions | undefined;
    towers: Readonly<Record<string, Model>>;
  },
): ResolvedRun {
  const architecture = architectureNamed(model.architecture);
  const origins = Object.entries(towers).map(([tower, one]) => {
    const from = architectureNamed(one.architecture);
    return [tower, { architecture: from, config: from.parseConfig(one.config) }] as const;
  });
  const modelConfig = composedConfig(
    architecture,
    architecture.parseConfig(model.config),
    Object.fromEntries(origins),
  );
  const trainSamples = datasets.reduce((sum, dataset) => sum + samplesIn(dataset), 0);
  const first = datasets[0];
  const spec = resolveRunSpec(
    {
      ...body,
      ...(body.datasets
        ? { datasets: body.datasets.map((one, i) => ({ ...one, name: datasets[i]!.name })) }
        : first && { dataset: first.name }),
      model: model.name,
      ...(body.towers && { towers: mapped(towers, ({ name }) => name) }),
    },
    {
      architecture,
      modelConfig,
      pretrained: model.kind !== 'preset',
      ...(adapter && { adapter }),
      dataset: {
        trainSamples,
        ...(first && { splits: first.splits, classNames: first.classNames }),
        trained: datasets.flatMap(trainedOf),
      },
    },
  );
  return {
    spec,
    datasets,
    model,
    towerArtifacts: mapped(towers, ({ artifact }) => artifact ?? ''),
    architecture,
    modelConfig: configForRun(
      { architecture, config: modelConfig },
      { ...spec, classNames: first?.classNames ?? [] },
    ),
    trainSamples,
    totalSteps: totalSteps(spec, trainSamples),
  };
}

const mapped = (towers: Readonly<Record<string, Model>>, of: (model: Model) => string) =>
  Object.fromEntries(Object.entries(towers).map(([tower, model]) => [tower, of(model)]));

const trainedOf = ({ name, splits }: Dataset) =>
  splits.flatMap(({ split, contents }) => (split === 'train' ? [{ name, contents }] : []));

const samplesIn = ({ splits }: Dataset): number =>
  splits.find(({ split }) => split === 'train')?.samples ?? 0;
