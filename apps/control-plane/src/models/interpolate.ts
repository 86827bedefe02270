/** A model between two others: `(1 - alpha) base + alpha trained` (WiSE-FT), recorded under a name of its own. */
import {
  architectureNamed,
  type FolderWeights,
  interpolatedTensors,
  openFolderWeights,
} from '@triptych/models/catalog';
import { safetensorsFiles } from '@triptych/nn/safetensors';
import {
  type InterpolateModels,
  invalidInput,
  isOfTheRun,
  type Model,
  TriptychError,
  type Violation,
} from '@triptych/protocol';
import { type NamedContent, putFiles, streamOf } from '@triptych/storage';
import { artifactFiles, weightsRecord } from '@triptych/training/catalog';
import type { ImportOptions } from './import.ts';
import { nameless } from './nameless.ts';

/**
 * Everything but the weights is the trained model's.
 * @throws TriptychError NAME_TAKEN; INVALID_INPUT where the two have not the same parameters.
 */
export async function interpolateModels(body: InterpolateModels, options: ImportOptions): Promise<Model> {
  const { name, alpha } = body;
  const { models, catalog, artifacts } = options;
  if (await catalog.find(name))
    throw new TriptychError('NAME_TAKEN', `A model named ${name} exists; choose another name`);
  const [base, trained] = await Promise.all([catalog.find(body.base), catalog.find(body.trained)]);
  const found = [...nameless('/base', base, body.base), ...nameless('/trained', trained, body.trained)];
  if (found.length > 0 || !base || !trained) throw invalidInput('interpolation', found);
  const differences = differencesOf(base, trained);
  if (differences.length > 0) throw invalidInput('interpolation', differences);
  const [from, to] = await Promise.all([weightsOf(base, options), weightsOf(trained, options)]);
  const tensors = interpolatedTensors(alpha, { from: from.weights, to: to.weights });
  const written = safetensorsFiles(tensors, { metadata: { format: 'pt' } });
  const kept = (trained.files ?? []).filter(({ path }) => !to.paths.includes(path) && !isOfTheRun(path));
  const { sha256, files } = await putFiles(artifacts, [
    ...kept.map(
      (file): NamedContent => ({ path: file.path, content: streamOf(() => artifacts.read(file.sha256)) }),
    ),
    ...written.map(({ path, content }): NamedContent => ({ path, content: streamOf(content) })),
  ]);
  const { architecture, config, parameters } = trained;
  return await models.insert(
    {
      name,
      architecture,
      description: `${alpha} of the way from ${base.name} to ${trained.name}`,
      parameters,
      config,
      artifact: sha256,
      files,
      weights: weightsRecord(
        files,
        written.map(({ path }) => path),
      ),
    },
    options,
  );
}

/** Parameters that one has and the other has not, or in another shape. */
function differencesOf(base: Model, trained: Model): Violation[] {
  const [ours, theirs] = [shapesOf(base), shapesOf(trained)];
  const names = [...new Set([...ours.keys(), ...theirs.keys()])].filter(
    (name) => ours.get(name) !== theirs.get(name),
  );
  if (names.length === 0) return [];
  const [first = ''] = names;
  const more = names.length > 1 ? ` and ${names.length - 1} more` : '';
  return [
    {
      path: '/base',
      expected: `the parameters of ${trained.name}`,
      actual: `${first} ${ours.get(first) ?? 'missing'}, not ${theirs.get(first) ?? 'missing'}${more}`,
      remedy:
        'use the model that the run started from; where a head was added, submit the run with "interpolation", which knows how the head began',
    },
  ];
}

function shapesOf({ architecture: name, config }: Model): Map<string, string> {
  const architecture = architectureNamed(name);
  return new Map(
    architecture
      .parameters(architecture.parseConfig(config))
      .flatMap(({ parts }) => parts.map((part) => [part.name, `[${part.shape.join(', ')}]`] as const)),
  );
}

function weightsOf(
  { architecture: name, config, files = [] }: Model,
  { artifacts }: ImportOptions,
): Promise<FolderWeights> {
  const architecture = architectureNamed(name);
  return openFolderWeights(artifactFiles(artifacts, files), {
    rules: architecture,
    config: architecture.parseConfig(config),
  });
}
