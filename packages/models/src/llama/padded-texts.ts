/** Token ids of texts of different lengths as one batch. Tensor-free. */
import type { Sequences } from './sequences.ts';

export interface PaddedTexts extends Sequences {
  /** [batch, length], row by row. What stands at padded positions means nothing. */
  readonly ids: Int32Array;
}

/** As text generation needs them: every text ends in the last column. */
export function padLeft(texts: readonly (readonly number[])[]): PaddedTexts {
  const { batch, length, ids } = blank(texts);
  const starts = texts.map((text) => length - text.length);
  for (const [b, text] of texts.entries()) ids.set(text, b * length + starts[b]!);
  return { batch, length, ids, ...(starts.some((start) => start > 0) && { starts }) };
}

/** As training needs them: every text begins in the first column. */
export function padRight(texts: readonly (readonly number[])[]): PaddedTexts {
  const { batch, length, ids } = blank(texts);
  const ends = texts.map((text) => text.length);
  for (const [b, text] of texts.entries()) ids.set(text, b * length);
  return { batch, length, ids, ...(ends.some((end) => end < length) && { ends }) };
}

function blank(texts: readonly (readonly number[])[]) {
  const batch = texts.length;
  const length = texts.reduce((longest, text) => Math.max(longest, text.length), 0);
  return { batch, length, ids: new Int32Array(batch * length) };
}
