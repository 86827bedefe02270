/** The seam that dataset formats fill: what a source in some layout says. Order, shuffling and packing are not its business. */
import type { ProblemLog } from '../pack/problems.ts';
import type { ImageSource, SourceSample } from '../sample.ts';
import type { Source } from '../source/source.ts';

export interface DatasetReader {
  /** Lower case with dashes: what users write. */
  readonly name: string;
  /** The layout in one line, for error messages. */
  readonly layout: string;
  /** Undefined where the source is not in this layout. It opens as little as it can. */
  detect(source: Source): Promise<Recognition | undefined>;
  /** Reads what the source lists, one sample at a time. It decodes no image; what it leaves out is a problem. */
  read(source: Source, reading: Reading): AsyncIterable<SourceSample>;
}

/** Why a format is the one, in words that follow "because": and how sure that is. The surest wins; of two that are as sure, none does. */
export interface Recognition {
  readonly reason: string;
  /** `marked`: a file that says it; `named`: files that no other format has; `shaped`: folders as this format has them, too. */
  readonly by: 'marked' | 'named' | 'shaped';
}

/** What a reader has beside the source. */
export interface Reading {
  readonly problems: ProblemLog;
  /** Puts aside bytes that are no file of the source (a cell of a table, a member of a compressed archive), until the dataset is packed. */
  keep(path: string, bytes: Uint8Array): Promise<ImageSource>;
  /** Says that so many bytes will be read, for progress. */
  expect(bytes: number): void;
}
