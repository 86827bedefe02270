/**
 * Hugging Face's ImageFolder (https://huggingface.co/docs/datasets/image_dataset#imagefolder): images with `metadata.csv` or
 * `metadata.jsonl` in the folder itself or in one folder a split; `file_name` is relative to the metadata's own folder.
 */
import { posix } from 'node:path';
import { TriptychError } from '@triptych/protocol';
import type { ProblemLog } from '../../pack/problems.ts';
import type { Source } from '../../source/source.ts';
import { SourceFiles } from '../../source/source-files.ts';
import { entriesOf } from '../conversations/entries.ts';
import type { DatasetReader } from '../format.ts';
import { ImageCells } from '../image-cells.ts';
import { hasImageExtension } from '../image-extension.ts';
import { imageLocator } from '../image-locator.ts';
import { type Columns, columnsOf } from '../rows/columns.ts';
import { rowSample } from '../rows/row-sample.ts';
import { separatedRows, tableOf } from '../rows/separated-rows.ts';
import { splitNamed } from '../split-name.ts';

export const imageFolder: DatasetReader = {
  name: 'image-folder',
  layout: 'images and metadata.csv or metadata.jsonl with file_name, in the folder or in one folder a split',

  async detect(source) {
    const [path] = metadataFiles(await SourceFiles.of(source));
    return path === undefined ? undefined : { reason: `${path} is there`, by: 'named' };
  },

  async *read(source, reading) {
    const files = await SourceFiles.of(source);
    const paths = metadataFiles(files);
    const listed = new Set<string>();
    for (const path of paths) reading.expect(files.bytesOf(path));
    for (const path of paths) {
      const folder = posix.dirname(path) === '.' ? '' : posix.dirname(path);
      const cells = new ImageCells(imageLocator(files, [folder]), reading);
      const split = splitNamed(folder.split('/')[0] as string) ?? 'train';
      let columns: Columns | undefined;
      for await (const { row, where } of rowsOf(source, path, reading.problems)) {
        columns ??= knownColumns(path, Object.keys(row));
        const sample = await rowSample(row, where, { columns, split, cells, reading });
        for (const image of sample?.images ?? []) listed.add(image.path);
        if (sample) yield sample;
      }
    }
    for (const path of files.paths())
      if (hasImageExtension(path) && !listed.has(path))
        reading.problems.add('unlisted-image', `${path}: expected a usable entry in the metadata, got none`);
  },
};

const metadataFiles = (files: SourceFiles): string[] =>
  [...files.paths()].filter((path) => /(^|\/)metadata\.(csv|jsonl)$/.test(path)).sort();

async function* rowsOf(
  source: Source,
  path: string,
  problems: ProblemLog,
): AsyncGenerator<{ readonly row: Readonly<Record<string, unknown>>; readonly where: string }> {
  if (path.endsWith('.csv'))
    yield* separatedRows(source, path, { table: await tableOf(source, path), problems });
  else for await (const { fields, where } of entriesOf(source, path, problems)) yield { row: fields, where };
}

function knownColumns(path: string, names: readonly string[]): Columns {
  const columns = columnsOf(names);
  if (typeof columns !== 'string') return columns;
  throw new TriptychError('DATASET_INVALID', `${path}: ${columns}; correct the names of its columns`);
}
