/** What caption metrics read: texts whose tokens are separated by one space (`captionTokens` makes them so). */
import { type CountedText, GramTable } from './grams.ts';

export interface CaptionedImage {
  readonly hypothesis: string;
  /** At least one. */
  readonly references: readonly string[];
}

/** One figure for the whole set, and one for each image in the order given. */
export interface CaptionScore {
  readonly corpus: number;
  readonly perImage: readonly number[];
}

export interface CountedImage {
  readonly hypothesis: CountedText;
  readonly references: readonly CountedText[];
}

/** Images whose n-grams are counted: once for BLEU and CIDEr-D. */
export interface CountedImages {
  readonly table: GramTable;
  readonly images: readonly CountedImage[];
}

/** @throws RangeError where there is no image, or one without a reference. */
export function countedImages(
  images: readonly CaptionedImage[],
  table: GramTable = new GramTable(),
): CountedImages {
  assertReferences(images);
  return {
    table,
    images: images.map(({ hypothesis, references }) => ({
      hypothesis: table.count(hypothesis),
      references: references.map((text) => table.count(text)),
    })),
  };
}

export function assertReferences(images: readonly CaptionedImage[]): void {
  const without = images.findIndex(({ references }) => references.length === 0);
  if (images.length === 0) throw new RangeError('caption metrics need at least one image');
  if (without >= 0) throw new RangeError(`image ${without} has no reference caption`);
}
