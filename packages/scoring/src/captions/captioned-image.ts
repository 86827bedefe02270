/** What caption metrics read: texts whose tokens are separated by one space (`captionTokens` makes them so). */
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

export function assertReferences(images: readonly CaptionedImage[]): void {
  const without = images.findIndex(({ references }) => references.length === 0);
  if (images.length === 0) throw new RangeError('caption metrics need at least one image');
  if (without >= 0) throw new RangeError(`image ${without} has no reference caption`);
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
