/** Cuts a sample to a context. What is cut is the end; an image is kept whole or not at all. */
import { TriptychError } from '@triptych/protocol';
import type { SampleTokens } from './segments.ts';

/**
 * The sample with at most `contextLength` tokens. Where the cut would fall among the tokens of an image it falls before them, and
 * `images` lists only those that are still shown. INVALID_INPUT where labels were there and the cut takes all of them.
 */
export function truncate(sample: SampleTokens, contextLength: number): SampleTokens {
  if (sample.ids.length <= contextLength) return sample;
  const cut = sample.images.find(({ at, length }) => at < contextLength && at + length > contextLength);
  const length = cut?.at ?? contextLength;
  const kept: SampleTokens = {
    ids: sample.ids.slice(0, length),
    supervised: sample.supervised.slice(0, length),
    images: sample.images.filter((span) => span.at + span.length <= length),
  };
  if (sample.supervised.includes(1) && !kept.supervised.includes(1))
    throw new TriptychError(
      'INVALID_INPUT',
      `The sample has ${sample.ids.length} tokens; the first ${length}, which fit into the context of ${contextLength}, have no label: expected the first answer to begin before that; raise the context length, shorten the text before the answer, or leave the sample out`,
    );
  return kept;
}
