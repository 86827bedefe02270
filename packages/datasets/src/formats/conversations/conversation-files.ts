/** What the two formats of conversation files have in common: where the files lie, which split they are, and how entries become samples. */
import type { SourceSample } from '../../sample.ts';
import type { Source } from '../../source/source.ts';
import { SourceFiles } from '../../source/source-files.ts';
import type { DatasetReader, Reading, Recognition } from '../format.ts';
import { ImageCells } from '../image-cells.ts';
import { imageLocator } from '../image-locator.ts';
import { splitIn } from '../split-name.ts';
import { uniqueIds } from '../unique-id.ts';
import { type ConversationFields, conversationSample } from './conversation-sample.ts';
import { entriesOf, entryFiles, firstEntry } from './entries.ts';

/** A format whose entries have their turns under `key`, in files of the folder itself or of `place`. */
export const conversationFiles = (options: {
  readonly name: string;
  readonly layout: string;
  readonly key: string;
  readonly place: string;
  readonly fieldsOf: (entry: Readonly<Record<string, unknown>>) => ConversationFields;
}): DatasetReader => ({
  name: options.name,
  layout: options.layout,
  detect: (source) => recognise(source, options),
  read: (source, reading) => read(source, reading, options),
});

type Options = Parameters<typeof conversationFiles>[0];

async function recognise(source: Source, options: Options): Promise<Recognition | undefined> {
  const [path] = await filesOf(source, options);
  return path === undefined
    ? undefined
    : { reason: `the first entry of ${path} has "${options.key}"`, by: 'named' };
}

/** Those whose first entry has the key: others belong to something else. */
async function filesOf(source: Source, { key, place }: Options): Promise<string[]> {
  const paths: string[] = [];
  for (const path of entryFiles(await SourceFiles.of(source), ['', place]))
    if (Array.isArray((await firstEntry(source, path))?.[key])) paths.push(path);
  return paths;
}

async function* read(source: Source, reading: Reading, options: Options): AsyncGenerator<SourceSample> {
  const files = await SourceFiles.of(source);
  const cells = new ImageCells(imageLocator(files, ['', 'images']), reading);
  const nameOf = uniqueIds();
  const paths = await filesOf(source, options);
  for (const path of paths) reading.expect(files.bytesOf(path));
  for (const path of paths) {
    const split = splitIn(path.slice(path.lastIndexOf('/') + 1)) ?? 'train';
    for await (const { fields, where } of entriesOf(source, path, reading.problems)) {
      const id = () => nameOf(fields['id'], where);
      const sample = await conversationSample(options.fieldsOf(fields), { where, split, cells, reading, id });
      if (sample) yield sample;
    }
  }
}
