/** Where in the texts of a batch the rows of its images go. Tensor-free. */
import { TriptychError } from '@triptych/protocol';
import type { Sequences } from '../llama/sequences.ts';

export interface ImageTokens {
  readonly image_token_index: number;
  /** Tokens that one image takes. */
  readonly image_seq_length: number;
}

export interface TextsWithImages extends Pick<Sequences, 'starts' | 'ends'> {
  /** Token ids [batch, T], row by row. */
  readonly ids: Int32Array;
  /** How many images each text has. */
  readonly imageCounts: readonly number[];
}

/**
 * The positions of the image token in `ids`, padding left out: one for each feature row of the images, which come in the order
 * of their texts.
 * @throws TriptychError INVALID_INPUT naming every text whose image tokens and images differ.
 */
export function imagePositions(
  { ids, imageCounts, starts, ends }: TextsWithImages,
  { image_token_index, image_seq_length }: ImageTokens,
): Int32Array {
  const length = ids.length / imageCounts.length;
  const positions: number[] = [];
  const problems: string[] = [];
  for (const [text, images] of imageCounts.entries()) {
    const before = positions.length;
    const end = text * length + (ends?.[text] ?? length);
    for (let i = text * length + (starts?.[text] ?? 0); i < end; i++)
      if (ids[i] === image_token_index) positions.push(i);
    const found = positions.length - before;
    if (found !== images * image_seq_length)
      problems.push(
        `text ${text} has ${found} image tokens, its ${images} images of ${image_seq_length} tokens take ${images * image_seq_length}`,
      );
  }
  if (problems.length > 0)
    throw new TriptychError(
      'INVALID_INPUT',
      `${problems.join('; ')}: repeat the image token ${image_seq_length} times for each image`,
    );
  return Int32Array.from(positions);
}
