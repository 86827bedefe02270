/**
 * The weights of a folder: one file, or shards and the index that says which tensor lies where
 * (`model.safetensors.index.json`). Opening reads headers only; each tensor is read when it is asked for.
 */
import { show, TriptychError, type Violation } from '@triptych/protocol';
import type { ByteRanges } from './byte-ranges.ts';
import type { TensorEntry } from './header.ts';
import { openSafetensors, type SafetensorsReader } from './reader.ts';
import { parseStrictJson, type StrictObject } from './strict-json.ts';

/** A file of the folder; undefined where there is none. It stays the caller's. */
export type OpenFile = (path: string) => Promise<ByteRanges | undefined>;

export interface WeightFiles {
  /** All that belong together, the index included. */
  readonly paths: readonly string[];
  readonly files: readonly SafetensorsReader[];
  /** Over all files, by name. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Bytes in an ArrayBuffer of their own. */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
}

const MAX_INDEX_BYTES = 100_000_000;

/**
 * The first of `names` that is there, itself or as shards. Undefined where none is.
 * @throws TriptychError MODEL_INVALID with every difference between index and shards.
 */
export async function openWeightFiles(
  open: OpenFile,
  names: readonly string[] = ['model.safetensors'],
): Promise<WeightFiles | undefined> {
  for (const path of names) {
    const whole = await open(path);
    if (whole) return weightFiles([path], [await openSafetensors(whole)]);
    const index = await open(indexOf(path));
    if (index) return openShards(index, open);
  }
  return undefined;
}

export const indexOf = (path: string): string => `${path}.index.json`;

async function openShards(index: ByteRanges, open: OpenFile): Promise<WeightFiles> {
  const shardOf = await weightMap(index);
  const paths = [...new Set(shardOf.values())].sort();
  const violations: Violation[] = [];
  const files: SafetensorsReader[] = [];
  for (const path of paths) {
    const file = await open(path);
    if (file) files.push(await openSafetensors(file));
    else violations.push(absent(path, index.name));
  }
  const opened = new Map(files.map((file) => [file.name, file]));
  for (const [tensor, path] of shardOf) {
    const file = opened.get(path);
    if (file && !file.entries.has(tensor))
      violations.push(misplaced(tensor, { expected: `a tensor of ${path}`, actual: 'nothing' }));
  }
  for (const file of files)
    for (const tensor of file.entries.keys()) {
      const path = shardOf.get(tensor);
      if (path !== file.name)
        violations.push(
          misplaced(tensor, {
            expected: path === undefined ? `no such tensor in ${file.name}` : `it in ${path} alone`,
            actual: `it lies in ${file.name}`,
          }),
        );
    }
  if (violations.length > 0) throw mismatch(index.name, violations);
  return weightFiles([index.name, ...paths], files);
}

function weightFiles(paths: readonly string[], files: readonly SafetensorsReader[]): WeightFiles {
  const fileOf = new Map(files.flatMap((file) => [...file.entries.keys()].map((name) => [name, file])));
  return {
    paths,
    files,
    entries: new Map(files.flatMap((file) => [...file.entries])),
    read: async (name) => {
      const file = fileOf.get(name);
      if (!file) throw new TriptychError('MODEL_INVALID', `There is no tensor ${show(name)} in ${paths[0]}`);
      return file.read(name);
    },
  };
}

async function weightMap(index: ByteRanges): Promise<Map<string, string>> {
  const wrong = (expected: string, actual: string, cause?: unknown): never => {
    throw new TriptychError('MODEL_INVALID', `${index.name}: expected ${expected}, got ${actual}`, { cause });
  };
  if (index.size > MAX_INDEX_BYTES) wrong(`at most ${MAX_INDEX_BYTES} bytes`, `${index.size}`);
  let json: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await index.read(0, index.size));
    json = parseStrictJson(text);
  } catch (cause) {
    wrong('JSON', cause instanceof Error ? cause.message : String(cause), cause);
  }
  const map = json instanceof Map ? (json as StrictObject).get('weight_map') : undefined;
  if (!(map instanceof Map)) return wrong('an object with a weight_map', 'none');
  for (const [tensor, path] of map)
    if (typeof path !== 'string' || !/^[^/\\\0:]+\.safetensors$/.test(path))
      wrong(`a .safetensors file beside the index for ${show(tensor)}`, show(path));
  return new Map(map as ReadonlyMap<string, string>);
}

const absent = (path: string, index: string): Violation => ({
  path: `/${path}`,
  expected: `the shard that ${index} names`,
  actual: 'nothing',
  remedy: 'copy every shard',
});

const misplaced = (
  tensor: string,
  { expected, actual }: { readonly expected: string; readonly actual: string },
): Violation => ({
  path: `/${tensor}`,
  expected,
  actual,
  remedy: 'save the model again: index and shards are of different exports',
});

function mismatch(index: string, violations: readonly Violation[]): TriptychError {
  const lines = violations
    .slice(0, 5)
    .map((v) => `${v.path.slice(1)}: expected ${v.expected}, got ${v.actual}`);
  const more = violations.length > 5 ? ` | and ${violations.length - 5} more` : '';
  return new TriptychError(
    'MODEL_INVALID',
    `${index} does not fit its shards: ${lines.join(' | ')}${more}; save the model again`,
    { violations },
  );
}
