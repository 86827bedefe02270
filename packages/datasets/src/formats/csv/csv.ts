/**
 * A table of pairs, CSV or TSV, as open_clip trains on: a column with the image's path and one with its caption (`filepath` and `title`
 * there), or question and answer, or a class. Tables lie in the folder itself, `data/` or `annotations/`; the split is in the file's
 * name or in a column `split`.
 */
import { TriptychError } from '@triptych/protocol';
import { SourceFiles } from '../../source/source-files.ts';
import type { DatasetReader } from '../format.ts';
import { ImageCells } from '../image-cells.ts';
import { imageLocator } from '../image-locator.ts';
import { rowSample } from '../rows/row-sample.ts';
import { separatedRows, tableOf } from '../rows/separated-rows.ts';
import { splitIn } from '../split-name.ts';

const PLACES = ['', 'data', 'annotations'];

export const csv: DatasetReader = {
  name: 'csv',
  layout:
    'a .csv or .tsv table with a column of image paths and one of captions (or question and answer, or class)',

  async detect(source) {
    for (const path of tableFiles(await SourceFiles.of(source))) {
      const { columns } = await tableOf(source, path);
      if (typeof columns !== 'string')
        return { reason: `${path} has the columns ${columns.image} and ${columns.text}`, by: 'named' };
    }
    return undefined;
  },

  async *read(source, reading) {
    const files = await SourceFiles.of(source);
    const cells = new ImageCells(imageLocator(files, ['', 'images']), reading);
    const paths = tableFiles(files);
    for (const path of paths) reading.expect(files.bytesOf(path));
    for (const path of paths) {
      const table = await tableOf(source, path);
      const { columns } = table;
      if (typeof columns === 'string')
        throw new TriptychError(
          'DATASET_INVALID',
          `${path}: ${columns}; name the columns so, or move the file away`,
        );
      const split = splitIn(path.slice(path.lastIndexOf('/') + 1)) ?? 'train';
      for await (const { row, where } of separatedRows(source, path, { table, problems: reading.problems })) {
        const sample = await rowSample(row, where, { columns, split, cells, reading });
        if (sample) yield sample;
      }
    }
  },
};

const tableFiles = (files: SourceFiles): string[] =>
  PLACES.flatMap((place) =>
    files
      .namesIn(place)
      .filter((name) => /\.(csv|tsv)$/i.test(name) && name !== 'metadata.csv')
      .map((name) => (place === '' ? name : `${place}/${name}`)),
  );
