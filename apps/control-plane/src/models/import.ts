/** A folder in Hugging Face layout becomes a model: checked as a whole, copied into the artifact store, recorded under a name. */
import { basename, resolve } from 'node:path';
import {
  type Architecture,
  architectureOf,
  elementCount,
  type FolderWeights,
  noWeights,
  openClipFiles,
  openFolderWeights,
  PEFT_CONFIG,
} from '@triptych/models/catalog';
import {
  type ImportModel,
  inputViolations,
  type Model,
  TriptychError,
  type Violation,
} from '@triptych/protocol';
import { type ArtifactStore, type NamedContent, putFiles } from '@triptych/storage';
import { weightsRecord } from '@triptych/training/catalog';
import type { ModelCatalog } from '../http/model-catalog.ts';
import type { InsertOptions } from '../store/artifact-holds.ts';
import type { ModelStore } from '../store/model-store.ts';
import { ModelFolder } from './model-folder.ts';

export interface ImportOptions extends InsertOptions {
  readonly models: ModelStore;
  readonly catalog: ModelCatalog;
  readonly artifacts: ArtifactStore;
}

/** `NAME_TAKEN`; `MODEL_INVALID` with everything that is wrong with the folder. */
export async function importModel(body: Omit<ImportModel, 'base'>, options: ImportOptions): Promise<Model> {
  const { name } = body;
  const { models, catalog, artifacts } = options;
  if (await catalog.find(name))
    throw new TriptychError('NAME_TAKEN', `A model named ${name} exists; choose another name`);
  await using folder = await ModelFolder.open(resolve(body.path));
  const { architecture, config, parameters, weights, texts } = await checkFolder(folder);
  const { sha256, files } = await putFiles(artifacts, [
    ...[...texts].map(([path, text]) => ({ path, content: new TextEncoder().encode(text) })),
    ...(await weightContents(folder, weights)),
  ]);
  return await models.insert(
    {
      name,
      architecture,
      description: [`Imported from ${basename(folder.path)}`, ...weights.notes].join('; '),
      parameters,
      config,
      artifact: sha256,
      files,
      weights: weightsRecord(files, weights.paths),
    },
    options,
  );
}

interface CheckedFolder {
  readonly architecture: string;
  readonly config: Record<string, unknown>;
  readonly parameters: number;
  readonly weights: FolderWeights;
  /** Every text file that is kept, as it stands in the folder. */
  readonly texts: ReadonlyMap<string, string>;
}

async function checkFolder(folder: ModelFolder): Promise<CheckedFolder> {
  const derived = await derivedFiles(folder);
  const text = async (path: string) => (await folder.text(path)) ?? derived.get(path);
  const configText = await text('config.json');
  if (configText === undefined && folder.entries.includes(PEFT_CONFIG)) throw invalid(folder, [adapterAlone]);
  if (configText === undefined)
    throw invalid(folder, [
      ...missingFiles(folder, [], ['config.json']),
      ...(folder.entries.some((path) => path.endsWith('.safetensors')) ? [] : [noWeights(folder.entries)]),
    ]);
  const config = jsonOf(configText);
  const unfit = inputViolations(config).map((one) => ({ ...one, path: `/config.json${one.path}` }));
  if (unfit.length > 0) throw invalid(folder, unfit);
  const architecture = architectureOf(config);
  const configuration = architecture.parseConfig(config);
  const texts = new Map([['config.json', configText]]);
  for (const path of [...architecture.folder.required.flat(), ...architecture.folder.optional]) {
    const content = await text(path);
    if (content !== undefined) texts.set(path, content);
  }
  const problems = new Problems();
  problems.add(missingFiles(folder, [...texts.keys()], architecture.folder.required));
  if (problems.isEmpty)
    await problems.of(async () => architecture.folder.check(configuration, Object.fromEntries(texts)));
  const weights = await problems.of(() =>
    openFolderWeights((path) => folder.file(path), {
      rules: architecture,
      config: configuration,
      otherFiles: folder.entries,
    }),
  );
  if (!weights || !problems.isEmpty) throw invalid(folder, problems.violations, architecture);
  const parameters = elementCount(architecture.parameters(configuration));
  return {
    architecture: architecture.name,
    config: config as Record<string, unknown>,
    parameters,
    weights,
    texts,
  };
}

/** What a folder of open_clip says in a file of its own, in the files that are read here; what it has itself goes first. */
async function derivedFiles(folder: ModelFolder): Promise<ReadonlyMap<string, string>> {
  if (folder.entries.includes('config.json')) return new Map();
  const text = await folder.text('open_clip_config.json');
  return new Map(text === undefined ? [] : Object.entries(openClipFiles(text)));
}

/** Collects what is wrong, so that one answer tells everything. */
class Problems {
  readonly violations: Violation[] = [];

  get isEmpty(): boolean {
    return this.violations.length === 0;
  }

  add(violations: readonly Violation[]): void {
    for (const one of violations) this.violations.push(one);
  }

  /** Undefined where the check found something. */
  async of<T>(check: () => Promise<T>): Promise<T | undefined> {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof TriptychError) || error.code !== 'MODEL_INVALID') throw error;
      this.add(error.violations.length > 0 ? error.violations : [whole(error)]);
      return undefined;
    }
  }
}

const whole = ({ message }: TriptychError): Violation => ({
  path: '/path',
  expected: 'a folder that can be used',
  actual: message,
  remedy: 'correct it',
});

const adapterAlone: Violation = {
  path: '/base',
  expected: 'the id or name of the model that the adapter belongs to',
  actual: 'nothing',
  remedy: 'import that model first, and name it as "base"',
};

function missingFiles(
  folder: ModelFolder,
  present: readonly string[],
  required: Architecture['folder']['required'],
): Violation[] {
  return required
    .map((alternatives) => [alternatives].flat())
    .filter((alternatives) => !alternatives.some((path) => present.includes(path)))
    .map((alternatives) => ({
      path: `/${alternatives[0]}`,
      expected: alternatives.length > 1 ? `it or ${alternatives.slice(1).join(' or ')}` : 'a file',
      actual: `nothing in ${folder.path}`,
      remedy: 'save model and processor (or tokenizer) with save_pretrained into one folder',
    }));
}

async function weightContents(folder: ModelFolder, { paths }: FolderWeights): Promise<NamedContent[]> {
  const contents: NamedContent[] = [];
  for (const path of paths) {
    const file = await folder.file(path);
    if (!file) throw new Error(`${path} was just read`);
    contents.push({ path, content: { [Symbol.asyncIterator]: () => file.chunks() } });
  }
  return contents;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', 'config.json is not valid JSON', { cause });
  }
}

function invalid(
  folder: ModelFolder,
  violations: readonly Violation[],
  architecture?: Architecture,
): TriptychError {
  const lines = violations
    .slice(0, 5)
    .map((v) => `${v.path.slice(1)}: expected ${v.expected}, got ${v.actual}; ${v.remedy}`);
  const more = violations.length > 5 ? ` | and ${violations.length - 5} more` : '';
  return new TriptychError(
    'MODEL_INVALID',
    `${folder.path} is not a ${architecture?.title ?? 'model'} that can be used: ${lines.join(' | ')}${more}`,
    { violations },
  );
}
