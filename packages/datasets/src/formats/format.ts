/** The seam that dataset formats fill: what a source in some layout says. Order, shuffling and packing are not its business. */
import type { ProblemLog } from '../pack/problems.ts';
import type { SourceSample } from '../sample.ts';
import type { Source } from '../source/source.ts';

export interface DatasetReader {
  /** Lower case with dashes: what users write. */
  readonly name: string;
  /** The layout in one line, for error messages. */
  readonly layout: string;
  detect(source: Source): Promise<boolean>;
  /** Reads what the source lists. It opens no image; what it leaves out is a problem. */
  read(source: Source, problems: ProblemLog): AsyncIterable<SourceSample>;
}
