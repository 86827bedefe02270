/** All formats; `auto` takes the one that is surest of the source. A new format is one line here. */
import assert from 'node:assert';
import { TriptychError, type Violation } from '@triptych/protocol';
import type { Source } from '../source/source.ts';
import { chatMessages } from './chat-messages/chat-messages.ts';
import { classFolders } from './class-folders/class-folders.ts';
import { cocoCaptions } from './coco-captions/coco-captions.ts';
import { csv } from './csv/csv.ts';
import { easyVqa } from './easy-vqa/easy-vqa.ts';
import type { DatasetReader, Recognition } from './format.ts';
import { imageFolder } from './image-folder/image-folder.ts';
import { llava } from './llava/llava.ts';
import { mmc4 } from './mmc4/mmc4.ts';
import { scenes, scenesConversations, scenesQuestions } from './scenes/scenes.ts';
import { vqa } from './vqa/vqa.ts';
import { webdataset } from './webdataset/webdataset.ts';

export const formats: readonly DatasetReader[] = [
  scenes,
  scenesQuestions,
  scenesConversations,
  cocoCaptions,
  vqa,
  llava,
  chatMessages,
  mmc4,
  csv,
  imageFolder,
  webdataset,
  easyVqa,
  classFolders,
];

/** Stands for the format that is surest of the source. */
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

/** A format, and why it is the one. */
export interface Chosen {
  readonly reader: DatasetReader;
  readonly reason: string;
}

/**
 * `format` is one of `formatNames`. Throws DATASET_INVALID where `auto` recognises nothing, or several that are as likely, which are named
 * with what speaks for each.
 */
export async function readerFor(source: Source, format: string): Promise<Chosen> {
  const stated = formats.find(({ name }) => name === format);
  if (stated) return { reader: stated, reason: 'it was asked for' };
  assert(format === AUTO, `no format "${format}"`);
  const found: (Chosen & { by: Recognition['by'] })[] = [];
  for (const reader of formats) {
    const recognition = await reader.detect(source);
    if (recognition) found.push({ reader, ...recognition });
  }
  for (const by of ['marked', 'named', 'shaped'] as const) {
    const [first, ...others] = found.filter((one) => one.by === by);
    if (!first) continue;
    if (others.length === 0) return first;
    throw ambiguous([first, ...others]);
  }
  const layouts = formats.map(({ name, layout }) => `${name}: ${layout}`).join(' | ');
  throw new TriptychError(
    'DATASET_INVALID',
    `The folder has no layout that is known; expected one of ${layouts}; give the folder that has these inside it`,
  );
}

function ambiguous(candidates: readonly Chosen[]): TriptychError {
  const reasons = candidates.map(({ reader, reason }) => `${reader.name} (${reason})`);
  const names = candidates.map(({ reader }) => reader.name);
  return new TriptychError(
    'DATASET_INVALID',
    `The folder may be read in ${candidates.length} formats: ${reasons.join(', ')}; say which with "format"`,
    {
      violations: [
        {
          path: '/format',
          expected: `one of ${names.join(', ')}`,
          actual: `"${AUTO}", which finds them all`,
          remedy: 'give the format by its name, or move away the files of the others',
        },
      ],
    },
  );
}
