/** All formats, most particular first: `auto` takes the first that recognises the source. A new format is one line here. */
import assert from 'node:assert';
import { TriptychError, type Violation } from '@triptych/protocol';
import type { Source } from '../source/source.ts';
import { classFolders } from './class-folders/class-folders.ts';
import { cocoCaptions } from './coco-captions/coco-captions.ts';
import { easyVqa } from './easy-vqa/easy-vqa.ts';
import type { DatasetReader } from './format.ts';
import { llava } from './llava/llava.ts';
import { scenes, scenesConversations, scenesQuestions } from './scenes/scenes.ts';
import { vqa } from './vqa/vqa.ts';

export const formats: readonly DatasetReader[] = [
  scenes,
  scenesQuestions,
  scenesConversations,
  cocoCaptions,
  vqa,
  llava,
  easyVqa,
  classFolders,
];

/** Stands for the first format that recognises the source. */
export const AUTO = 'auto';

/** What a dataset's format may be called, `auto` first. */
export const formatNames: readonly string[] = [AUTO, ...formats.map(({ name }) => name)];

/** Empty where a format has the name. */
export const formatViolations = (format: string): Violation[] =>
  formatNames.includes(format)
    ? []
    : [
        {
          path: '/format',
          expected: `one of ${formatNames.join(', ')}`,
          actual: JSON.stringify(format),
          remedy: 'use one of these',
        },
      ];

/** `format` is one of `formatNames`. Throws DATASET_INVALID where `auto` recognises nothing. */
export async function readerFor(source: Source, format: string): Promise<DatasetReader> {
  const reader = formats.find(({ name }) => name === format);
  if (reader) return reader;
  assert(format === AUTO, `no format "${format}"`);
  for (const candidate of formats) if (await candidate.detect(source)) return candidate;
  const layouts = formats.map(({ name, layout }) => `${name}: ${layout}`).join(' | ');
  throw new TriptychError(
    'DATASET_INVALID',
    `The folder has no layout that is known; expected one of ${layouts}; give the folder that has these inside it`,
  );
}
