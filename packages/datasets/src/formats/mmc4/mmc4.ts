/**
 * MMC4's interleaved documents (https://github.com/allenai/mmc4): JSON lines of `{ text_list, image_info: [{ image_name,
 * matched_text_index }] }`. An image stands before the sentence it is matched to, as OpenFlamingo places it; it is a file of the
 * folder, or `image_base64` beside its name, as OpenFlamingo's shards have it.
 */
import { posix } from 'node:path';
import { finding } from '../../pack/problems.ts';
import type { SourceSample } from '../../sample.ts';
import { SourceFiles } from '../../source/source-files.ts';
import { type Entry, entriesOf, entryFiles, firstEntry } from '../conversations/entries.ts';
import type { DatasetReader, Reading } from '../format.ts';
import { ImageCells } from '../image-cells.ts';
import { imageLocator } from '../image-locator.ts';
import { splitIn } from '../split-name.ts';

const PLACES = ['', 'mmc4', 'data'];

export const mmc4: DatasetReader = {
  name: 'mmc4',
  layout: 'JSON lines of { text_list, image_info: [{ image_name, matched_text_index }] }, and images',

  async detect(source) {
    for (const path of entryFiles(await SourceFiles.of(source), PLACES)) {
      const first = await firstEntry(source, path);
      if (first && 'text_list' in first)
        return { reason: `the first entry of ${path} has "text_list"`, by: 'named' };
    }
    return undefined;
  },

  async *read(source, reading) {
    const files = await SourceFiles.of(source);
    const cells = new ImageCells(imageLocator(files, ['', 'images']), reading);
    const paths = entryFiles(files, PLACES);
    for (const path of paths) reading.expect(files.bytesOf(path));
    for (const path of paths) {
      const split = splitIn(posix.basename(path)) ?? 'train';
      for await (const entry of entriesOf(source, path, reading.problems)) {
        const document = await documentOf(entry, cells, reading);
        if (document) yield { id: entry.where, split, ...document };
      }
    }
  },
};

async function documentOf(
  { fields, where }: Entry,
  cells: ImageCells,
  { problems }: Reading,
): Promise<Pick<SourceSample, 'images' | 'content'> | undefined> {
  const { text_list: texts, image_info: shown = [] } = fields;
  if (!Array.isArray(texts) || !texts.every((text) => typeof text === 'string')) {
    problems.add('malformed-sample', finding(where, 'text_list of texts', texts));
    return undefined;
  }
  if (!Array.isArray(shown)) {
    problems.add('malformed-sample', finding(where, 'image_info of images', shown));
    return undefined;
  }
  const before = new Map<number, number[]>();
  const named: unknown[] = [];
  for (const info of shown as (Readonly<Record<string, unknown>> | null)[]) {
    const at = info?.['matched_text_index'];
    if (!Number.isInteger(at) || !((at as number) in texts)) {
      problems.add('malformed-sample', finding(where, `matched_text_index of 0 to ${texts.length - 1}`, at));
      return undefined;
    }
    const coded = info?.['image_base64'];
    const index =
      named.push(typeof coded === 'string' ? Buffer.from(coded, 'base64') : info?.['image_name']) - 1;
    before.set(at as number, [...(before.get(at as number) ?? []), index]);
  }
  const images = await cells.all(named, where);
  if (!images) return undefined;
  const parts = texts.flatMap((text, n) => [
    ...(before.get(n) ?? []).map((image) => ({ image })),
    text as string,
  ]);
  return { images, content: { kind: 'interleaved', parts } };
}
