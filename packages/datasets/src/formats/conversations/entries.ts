/** Files of entries, one JSON value each: JSON lines or a JSON list. */
import { extname } from 'node:path';
import { finding, type ProblemLog } from '../../pack/problems.ts';
import { jsonItems } from '../../source/json-items.ts';
import type { Source } from '../../source/source.ts';
import type { SourceFiles } from '../../source/source-files.ts';
import { reportUnread } from '../unread-item.ts';

export interface Entry {
  readonly fields: Readonly<Record<string, unknown>>;
  /** For messages. */
  readonly where: string;
}

/** Of Hugging Face's image folders, whatever its entries say. */
const METADATA = 'metadata.jsonl';

/** Paths of the `.json` and `.jsonl` files in the `places`. */
export const entryFiles = (files: SourceFiles, places: readonly string[]): string[] =>
  places.flatMap((place) =>
    files
      .namesIn(place)
      .filter((name) => ['.json', '.jsonl'].includes(extname(name)) && name !== METADATA)
      .map((name) => (place === '' ? name : `${place}/${name}`)),
  );

/** A file may begin with entries that cannot be read, and is what the first one that can be says. */
const TRIED = 20;

/** The first value that is an object; little more of the file is read. */
export async function firstEntry(
  source: Source,
  path: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    let tried = 0;
    for await (const { value } of jsonItems(source, path)) {
      if (isFields(value)) return value;
      tried += 1;
      if (tried === TRIED) return undefined;
    }
  } catch {
    // It cannot be opened: the format that is chosen reports it.
  }
  return undefined;
}

/** What is no object, or cannot be read, is a problem. */
export async function* entriesOf(source: Source, path: string, problems: ProblemLog): AsyncGenerator<Entry> {
  for await (const item of jsonItems(source, path)) {
    const where = `${path}, ${item.place}`;
    if (reportUnread(item, { path, problems })) continue;
    if (isFields(item.value)) yield { fields: item.value, where };
    else problems.add('unreadable-entry', finding(where, 'an object', item.value));
  }
}

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
