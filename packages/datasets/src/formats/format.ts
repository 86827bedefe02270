/** The seam that dataset formats fill: what a folder in some layout says about its images. Order and shuffling are not its business. */
import type { DatasetFormat, Split } from '@triptych/protocol';
import type { ProblemLog } from '../pack/problems.ts';

export type FormatName = Exclude<DatasetFormat, 'auto'>;

export interface SourceSample {
  /** Path of the image relative to the dataset's folder, with `/`. */
  readonly id: string;
  readonly split: Split;
  /** At least one, none empty. */
  readonly captions: string[];
  readonly className?: string;
}

export interface DatasetReader {
  readonly name: FormatName;
  /** The layout in one line, for error messages. */
  readonly layout: string;
  detect(folder: string): Promise<boolean>;
  /** Reads what the folder lists. It does not open images; a listed image that is not there is a problem and no sample. */
  read(folder: string, problems: ProblemLog): Promise<SourceSample[]>;
}
