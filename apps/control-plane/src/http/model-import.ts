/** A folder in Hugging Face layout becomes a model: checked as a whole, copied into the artifact store, recorded under a name. */
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ClipTokenizer } from '@triptych/datasets';
import { type ClipConfig, parameterCount, parseConfig } from '@triptych/models/catalog';
import { type ImportModel, type Model, TriptychError, type Violation } from '@triptych/protocol';
import { type ArtifactStore, putFiles } from '@triptych/storage';
import type { ModelStore } from '../store/model-store.ts';
import type { ModelCatalog } from './model-catalog.ts';
import { weightViolations } from './weight-file.ts';

export interface ImportOptions {
  readonly models: ModelStore;
  readonly catalog: ModelCatalog;
  readonly artifacts: ArtifactStore;
}

const WEIGHTS = 'model.safetensors';
const required = ['config.json', WEIGHTS, 'vocab.json', 'merges.txt'] as const;
const optional = [
  'tokenizer_config.json',
  'special_tokens_map.json',
  'tokenizer.json',
  'preprocessor_config.json',
];

/** `NAME_TAKEN`; `MODEL_INVALID` with everything that is wrong with the folder. */
export async function importModel(body: ImportModel, options: ImportOptions): Promise<Model> {
  const { name } = body;
  const { models, catalog, artifacts } = options;
  if (await catalog.find(name))
    throw new TriptychError('NAME_TAKEN', `A model named ${name} exists; choose another name`);
  const folder = resolve(body.path);
  const contents = await readFolder(folder);
  const config: unknown = parseJson(contents.get('config.json'));
  const clip = parseConfig(config);
  const violations = [
    ...tokenizerViolations(contents, clip),
    ...(await weightViolations(join(folder, WEIGHTS), clip)),
  ];
  if (violations.length > 0) throw invalidModel(folder, violations);
  const { sha256, files } = await putFiles(
    artifacts,
    [...contents].map(([path, content]) => ({ path, content })),
  );
  const weights = files.find(({ path }) => path === WEIGHTS);
  if (!weights) throw new Error('the weights were just stored');
  return models.insert({
    name,
    description: `Imported from ${basename(folder)}`,
    architecture: 'clip',
    parameters: parameterCount(clip),
    config: config as Record<string, unknown>,
    artifact: sha256,
    files,
    weights: { sha256: weights.sha256, bytes: weights.bytes },
  });
}

async function readFolder(folder: string): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  for (const path of [...required, ...optional]) {
    const content = await readFile(join(folder, path)).catch(() => undefined);
    if (content) contents.set(path, content);
  }
  const missing = required.filter((path) => !contents.has(path));
  if (missing.length === 0) return contents;
  throw invalidModel(
    folder,
    missing.map((path) => ({
      path: `/${path}`,
      expected: 'a file that the control plane can read',
      actual: 'nothing',
      remedy: 'save the model with save_pretrained and the slow tokenizer (vocab.json and merges.txt)',
    })),
  );
}

function tokenizerViolations(contents: ReadonlyMap<string, Buffer>, clip: ClipConfig): Violation[] {
  const text = (path: string) => contents.get(path)?.toString() ?? '';
  const tokenizer = ClipTokenizer.fromFiles({
    'vocab.json': text('vocab.json'),
    'merges.txt': text('merges.txt'),
  });
  const { vocab_size: rows } = clip.text_config;
  if (tokenizer.vocabSize <= rows) return [];
  return [
    {
      path: '/vocab.json',
      expected: `at most the vocab_size ${rows} of config.json`,
      actual: `${tokenizer.vocabSize} tokens`,
      remedy: 'use the tokenizer that the model was trained with',
    },
  ];
}

function parseJson(content: Buffer | undefined): unknown {
  try {
    return JSON.parse(content?.toString() ?? '');
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', 'config.json is not valid JSON', { cause });
  }
}

function invalidModel(folder: string, violations: Violation[]): TriptychError {
  const lines = violations
    .slice(0, 5)
    .map((v) => `${v.path.slice(1)}: expected ${v.expected}, got ${v.actual}`);
  const more = violations.length > 5 ? ` | and ${violations.length - 5} more` : '';
  return new TriptychError('MODEL_INVALID', `${folder} is not a CLIP model: ${lines.join(' | ')}${more}`, {
    violations,
  });
}
