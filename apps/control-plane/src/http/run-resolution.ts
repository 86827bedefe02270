/** From the body of a submission to a run that can be queued or planned: names looked up, defaults filled in. */
import { type ClipConfig, parseConfig } from '@triptych/models/catalog';
import {
  type Dataset,
  invalidInput,
  type Model,
  type ResolvedRunSpec,
  type RunSpec,
  type Violation,
} from '@triptych/protocol';
import { resolveRunSpec, totalSteps } from '@triptych/training/catalog';
import type { DatasetStore } from '../store/dataset-store.ts';
import type { ModelCatalog } from './model-catalog.ts';

export interface ResolvedRun {
  readonly spec: ResolvedRunSpec;
  readonly dataset: Dataset;
  readonly model: Model;
  readonly modelConfig: ClipConfig;
  readonly trainImages: number;
  readonly totalSteps: number;
}

export interface Catalogs {
  readonly datasets: Pick<DatasetStore, 'find'>;
  readonly models: Pick<ModelCatalog, 'find' | 'presetNames'>;
}

/**
 * @param found what the schema found wrong; names that do not exist are added to it, so that one answer has them all.
 * @throws TriptychError INVALID_INPUT with every violation
 */
export async function resolveRun(
  body: unknown,
  { datasets, models, found }: Catalogs & { found: readonly Violation[] },
): Promise<ResolvedRun> {
  const names = body !== null && typeof body === 'object' ? (body as Partial<RunSpec>) : {};
  const bad = new Set(found.map(({ path }) => path));
  const nameAt = (field: 'dataset' | 'model') => (bad.has(`/${field}`) ? undefined : names[field]);
  const [dataset, model] = await Promise.all([
    find(nameAt('dataset'), (name) => datasets.find(name)),
    find(nameAt('model'), (name) => models.find(name)),
  ]);
  const violations = [...found];
  if (dataset === null)
    violations.push({
      path: '/dataset',
      expected: 'the id or name of a registered dataset',
      actual: JSON.stringify(names.dataset),
      remedy: 'register it with POST /v1/datasets, or see GET /v1/datasets',
    });
  if (model === null)
    violations.push({
      path: '/model',
      expected: `a preset (${models.presetNames.join(', ')}) or the id or name of a model`,
      actual: JSON.stringify(names.model),
      remedy: 'see GET /v1/models',
    });
  if (violations.length > 0 || !dataset || !model) throw invalidInput('run', violations);
  return resolve(body as RunSpec, { dataset, model });
}

function resolve(body: RunSpec, { dataset, model }: { dataset: Dataset; model: Model }): ResolvedRun {
  const modelConfig = parseConfig(model.config);
  const trainImages = dataset.splits.find(({ split }) => split === 'train')?.samples ?? 0;
  const spec = resolveRunSpec(
    { ...body, dataset: dataset.name, model: model.name },
    { modelConfig, pretrained: model.kind !== 'preset', dataset: { trainImages, splits: dataset.splits } },
  );
  return { spec, dataset, model, modelConfig, trainImages, totalSteps: totalSteps(spec, trainImages) };
}

/** `undefined` where there is nothing to look for, `null` where nothing was found. */
const find = async <T>(
  name: string | undefined,
  lookUp: (name: string) => Promise<T | undefined>,
): Promise<T | null | undefined> => (name === undefined ? undefined : ((await lookUp(name)) ?? null));
