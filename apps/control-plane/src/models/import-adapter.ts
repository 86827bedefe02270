/**
 * A PEFT adapter becomes a model: its files beside those of the model that it belongs to, neither changed. Whoever opens the
 * result merges them, or goes on training the adapter.
 */
import { basename, resolve } from 'node:path';
import { architectureNamed, isPeftFile, openFolderWeights, PEFT_CONFIG } from '@triptych/models/catalog';
import {
  type ImportModel,
  invalidInput,
  isOfTheRun,
  type Model,
  show,
  TriptychError,
  type Violation,
} from '@triptych/protocol';
import { type NamedContent, putFiles, streamOf } from '@triptych/storage';
import { artifactFiles, weightsRecord } from '@triptych/training/catalog';
import type { ImportOptions } from './import.ts';
import { ModelFolder } from './model-folder.ts';
import { nameless } from './nameless.ts';

/**
 * @throws TriptychError NAME_TAKEN; INVALID_INPUT where the base is none; MODEL_INVALID with every field of the adapter that
 * cannot be obeyed, or every tensor that does not fit the base.
 */
export async function importAdapter(
  body: ImportModel & { readonly base: string },
  options: ImportOptions,
): Promise<Model> {
  const { models, catalog, artifacts } = options;
  const { name } = body;
  if (await catalog.find(name))
    throw new TriptychError('NAME_TAKEN', `A model named ${name} exists; choose another name`);
  const base = await catalog.find(body.base);
  const found = [...nameless('/base', base, body.base), ...alreadyAdapted(base)];
  if (found.length > 0 || !base) throw invalidInput('import', found);
  await using folder = await ModelFolder.open(resolve(body.path));
  if (!folder.entries.includes(PEFT_CONFIG)) throw noAdapter(folder);
  const { architecture: architectureName, config, parameters } = base;
  const architecture = architectureNamed(architectureName);
  const baseFiles = (base.files ?? []).filter(({ path }) => !isNotTaken(path));
  const openBase = artifactFiles(artifacts, baseFiles);
  const weights = await openFolderWeights((path) => (isPeftFile(path) ? folder.file(path) : openBase(path)), {
    rules: architecture,
    config: architecture.parseConfig(config),
  });
  const { sha256, files } = await putFiles(artifacts, [
    ...baseFiles.map(
      (file): NamedContent => ({ path: file.path, content: streamOf(() => artifacts.read(file.sha256)) }),
    ),
    ...(await adapterContents(folder, weights.paths)),
  ]);
  const { rank, alpha, rankStabilised } = weights.adapted!.options;
  return await models.insert(
    {
      name,
      architecture: architecture.name,
      description: `The ${rankStabilised ? 'rank-stabilised ' : ''}adapter ${basename(folder.path)} (rank ${rank}, alpha ${alpha}) on ${base.name}`,
      parameters,
      config,
      artifact: sha256,
      files,
      weights: weightsRecord(files, weights.paths),
    },
    options,
  );
}

/** A second adapter would be trained on the sum of the base and the first one. */
function alreadyAdapted(base: Model | undefined): Violation[] {
  if (!base?.files?.some(({ path }) => path === PEFT_CONFIG)) return [];
  return [
    {
      path: '/base',
      expected: 'a model without an adapter of its own',
      actual: show(base.name),
      remedy: 'name the model beneath it, or merge that adapter with PEFT first (merge_and_unload)',
    },
  ];
}

/** What a trained model tells of its run, and its adapters, which are merged already, are not the new model's. */
const isNotTaken = (path: string): boolean => isOfTheRun(path) || path.startsWith('adapter/');

async function adapterContents(folder: ModelFolder, paths: readonly string[]): Promise<NamedContent[]> {
  const contents: NamedContent[] = [];
  for (const path of paths.filter(isPeftFile)) {
    const file = await folder.file(path);
    if (!file) throw new Error(`${path} was just read`);
    contents.push({ path, content: { [Symbol.asyncIterator]: () => file.chunks() } });
  }
  return contents;
}

function noAdapter(folder: ModelFolder): TriptychError {
  const violation = {
    path: `/${PEFT_CONFIG}`,
    expected: 'a file',
    actual: `nothing in ${folder.path}`,
    remedy: 'save the adapter with save_pretrained, or leave "base" out to import a whole model',
  };
  const message = `${folder.path} holds no adapter: ${PEFT_CONFIG}: expected a file; ${violation.remedy}`;
  return new TriptychError('MODEL_INVALID', message, { violations: [violation] });
}
