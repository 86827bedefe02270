/** Every model a run can start from: presets (part of the code) first, then what was imported or trained. */
import { architectures, elementCount, presets } from '@triptych/models/catalog';
import type { Model } from '@triptych/protocol';
import { predictionsOf } from '@triptych/training/catalog';
import type { ModelStore } from '../store/model-store.ts';
import type { PageRequest } from '../store/page-cursor.ts';

export class ModelCatalog {
  readonly #models: ModelStore;

  constructor(models: ModelStore) {
    this.#models = models;
  }

  /** By id or name. */
  async find(idOrName: string): Promise<Model | undefined> {
    const preset = presetModels.get(idOrName);
    if (preset) return preset;
    const model = await this.#models.find(idOrName);
    return model && withPredictions(model);
  }

  /** Presets come on the first page, in addition to its limit. */
  async list(request: PageRequest): Promise<{ items: Model[]; nextCursor?: string }> {
    const page = await this.#models.list(request);
    const items = page.items.map(withPredictions);
    return { ...page, items: request.cursor === undefined ? [...presetModels.values(), ...items] : items };
  }

  /** What can be said to someone who named a model that is not there. */
  get presetNames(): string[] {
    return [...presetModels.keys()];
  }
}

function withPredictions(model: Model): Model {
  const architecture = architectures[model.architecture];
  return architecture ? { ...model, predictions: predictionsOf(architecture) } : model;
}

const presetModels: ReadonlyMap<string, Model> = new Map(
  [...presets].map(([name, { architecture, description, config }]) => [
    name,
    {
      id: name,
      name,
      kind: 'preset',
      architecture: architecture.name,
      parameters: elementCount(architecture.parameters(config)),
      description,
      config: { ...config },
    },
  ]),
);
