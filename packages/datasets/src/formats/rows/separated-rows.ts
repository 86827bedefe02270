/** Rows of separated values (https://www.rfc-editor.org/rfc/rfc4180), read by csv-parse: everything is text, `NA` and `null` too. */
import { Readable } from 'node:stream';
import { type Info, parse } from 'csv-parse';
import type { ProblemLog } from '../../pack/problems.ts';
import type { Source } from '../../source/source.ts';
import { type Columns, columnsOf } from './columns.ts';

/** One row may have this much. */
const MAX_ROW_BYTES = 16 * 1024 * 1024;
const MAX_HEADER_BYTES = 64 * 1024;
const DELIMITERS = ['\t', ',', ';', '|'] as const;

export interface Table {
  readonly delimiter: string;
  readonly names: readonly string[];
  readonly columns: Columns | string;
}

/** By the first line: the separator with which its names say something, or else the one that gives the most of them. */
export async function tableOf(source: Source, path: string): Promise<Table> {
  const [line = ''] = (await beginning(source, path)).replace(/^\uFEFF/, '').split(/\r\n|\n|\r/, 1);
  const tables = DELIMITERS.map((delimiter): Table => {
    const names = line.split(delimiter).map((name) => name.trim().replace(/^"(.*)"$/, '$1'));
    return { delimiter, names, columns: columnsOf(names) };
  });
  return (
    tables.find(({ columns }) => typeof columns !== 'string') ??
    (tables.toSorted((a, b) => b.names.length - a.names.length)[0] as Table)
  );
}

async function beginning(source: Source, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of source.read(path)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_HEADER_BYTES) break;
  }
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, MAX_HEADER_BYTES));
}

/** The rows after the first, by column. What cannot be read is a problem; after a quote that does not end, nothing can. */
export async function* separatedRows(
  source: Source,
  path: string,
  { table, problems }: { table: Table; problems: ProblemLog },
): AsyncGenerator<{ readonly row: Readonly<Record<string, string>>; readonly where: string }> {
  const { names, delimiter } = table;
  const parser = parse({
    bom: true,
    delimiter,
    from: 2,
    info: true,
    max_record_size: MAX_ROW_BYTES,
    relax_column_count: true,
    skip_empty_lines: true,
  });
  const bytes = Readable.from(source.read(path));
  bytes.on('error', (error) => parser.destroy(error)).pipe(parser);
  let [count, after] = [0, 1];
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      count += 1;
      const where = `${path}, row ${count} (line ${after + 1})`;
      after = info.lines;
      if (record.length !== names.length)
        problems.add('unreadable-entry', `${where}: expected ${names.length} cells, got ${record.length}`);
      else if (record.some((cell) => cell.includes('\uFFFD')))
        problems.add('unreadable-entry', `${where}: it is not UTF-8`);
      else yield { row: Object.fromEntries(names.map((name, n) => [name, record[n] as string])), where };
    }
  } catch (error) {
    problems.add('unreadable-annotations', `${path}, after row ${count}: ${(error as Error).message}`);
  } finally {
    bytes.destroy();
  }
}
