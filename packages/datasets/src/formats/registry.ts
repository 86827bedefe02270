/** All formats, most particular first: `auto` takes the first that recognises the folder. A new format is one line here. */
import { stat } from 'node:fs/promises';
import { type DatasetFormat, invalidInput, TriptychError } from '@triptych/protocol';
import { classFolders } from './class-folders/class-folders.ts';
import { cocoCaptions } from './coco-captions/coco-captions.ts';
import type { DatasetReader } from './format.ts';
import { scenes } from './scenes/scenes.ts';

const readers: readonly DatasetReader[] = [scenes, cocoCaptions, classFolders];

/** Throws INVALID_INPUT for a path or a format that does not exist, DATASET_INVALID for a folder in no layout we know. */
export async function readerFor(path: string, format: DatasetFormat): Promise<DatasetReader> {
  const found = await stat(path).catch(() => undefined);
  const reader = readers.find(({ name }) => name === format);
  const violations = [];
  if (!found?.isDirectory())
    violations.push({
      path: '/path',
      expected: 'a folder',
      actual: found ? `"${path}", which is a file` : `"${path}", which does not exist`,
      remedy: 'give the path as the server sees it',
    });
  if (!reader && format !== 'auto')
    violations.push({
      path: '/format',
      expected: `one of auto, ${readers.map(({ name }) => name).join(', ')}`,
      actual: JSON.stringify(format),
      remedy: 'use one of these',
    });
  if (violations.length > 0) throw invalidInput('dataset', violations);
  return reader ?? (await detect(path));
}

async function detect(path: string): Promise<DatasetReader> {
  for (const reader of readers) if (await reader.detect(path)) return reader;
  const layouts = readers.map(({ name, layout }) => `${name}: ${layout}`).join(' | ');
  throw new TriptychError(
    'DATASET_INVALID',
    `"${path}" has no layout that is known; expected one of ${layouts}; give the folder that has these inside it`,
  );
}
