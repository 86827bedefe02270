/**
 * A text made of segments, and its tokens with the ones that are learnt marked. Labels come by construction: a segment is tokenised
 * on its own and all its tokens get its mark, so that no boundary has to be found again among tokens.
 *
 * One after the other the segments' tokens are those of the whole text where every boundary falls between words: before a space, a
 * line break or a special token. Elsewhere ("ASSISTANT: " + "Cats", where the whole has one token " Cats") they cannot be, because a
 * token would have to be learnt in part; a template should keep a separating space with the word that follows it.
 */
import { TriptychError } from '@triptych/protocol';
import { IMAGE_TAG } from '../../sample.ts';
import type { Tokenizer } from '../hugging-face/tokenizer.ts';

export type Segment =
  /** Ordinary text, in which special tokens are ordinary characters. */
  | { readonly kind: 'text'; readonly text: string; readonly supervised: boolean }
  | { readonly kind: 'token'; readonly token: string; readonly supervised: boolean }
  /** The next image of the sample. */
  | { readonly kind: 'image' };

export interface ImageSpan {
  /** Index into the sample's images. */
  readonly image: number;
  /** Where its tokens begin, and how many there are. */
  readonly at: number;
  readonly length: number;
}

/** A sample as a language model reads it. */
export interface SampleTokens {
  /** [length] */
  readonly ids: Int32Array;
  /** [length]; 1 where the token is a label, that is, where the model learns to predict it. Never the first token. */
  readonly supervised: Uint8Array;
  readonly images: readonly ImageSpan[];
}

/** How an image stands among the tokens: one special token, repeated once for each of its features. */
export interface ImageTokens {
  /** Default `<image>`. */
  readonly token?: string;
  /** Default 1. */
  readonly perImage?: number;
}

/** `framed`: begin with the tokenizer's opening tokens, which transformers puts before a text (default true). */
export function encodeSegments(
  segments: readonly Segment[],
  tokenizer: Tokenizer,
  options: { readonly image?: ImageTokens; readonly framed?: boolean } = {},
): SampleTokens {
  const ids: number[] = options.framed === false ? [] : [...tokenizer.opening];
  const supervised: number[] = ids.map(() => 0);
  const images: ImageSpan[] = [];
  const { token = IMAGE_TAG, perImage = 1 } = options.image ?? {};
  // Opening tokens are not part of the text: what follows them is still its start.
  let before: 'start' | 'special' | 'text' = 'start';
  const push = (list: readonly number[], mark: boolean) => {
    for (const id of list) {
      supervised.push(mark && ids.length > 0 ? 1 : 0);
      ids.push(id);
    }
  };
  for (const segment of joined(segments)) {
    if (segment.kind === 'text') {
      const piece = tokenizer.encodePiece(segment.text, before);
      push(piece, segment.supervised);
      if (piece.length > 0) before = 'text';
      continue;
    }
    if (segment.kind === 'image') {
      images.push({ image: images.length, at: ids.length, length: perImage });
      push(new Array<number>(perImage).fill(tokenizer.special(token)), false);
    } else push([tokenizer.special(segment.token)], segment.supervised);
    before = 'special';
  }
  return { ids: Int32Array.from(ids), supervised: Uint8Array.from(supervised), images };
}

/** The whole text, special tokens spelled out; what transformers would tokenise. */
export const writtenOut = (segments: readonly Segment[], image = IMAGE_TAG): string =>
  segments
    .map((segment) => {
      if (segment.kind === 'text') return segment.text;
      return segment.kind === 'token' ? segment.token : image;
    })
    .join('');

/** `text` cut at the special tokens in it, as transformers cuts it; the image token becomes an image. */
export function splitAtTokens(
  text: string,
  tokenizer: Tokenizer,
  { supervised, image = IMAGE_TAG }: { readonly supervised: boolean; readonly image?: string },
): Segment[] {
  return tokenizer.splitAtSpecial(text).map((part): Segment => {
    if (!tokenizer.specialTokens.has(part)) return { kind: 'text', text: part, supervised };
    return part === image ? { kind: 'image' } : { kind: 'token', token: part, supervised };
  });
}

/** `text` with its `<image>` placeholders as images, everything else as ordinary text. */
export const splitAtImages = (text: string): Segment[] =>
  text.split(IMAGE_TAG).flatMap((part, n): Segment[] => {
    const piece: Segment = { kind: 'text', text: part, supervised: false };
    return n === 0 ? [piece] : [{ kind: 'image' }, piece];
  });

/** INVALID_INPUT where nothing is learnt from the sample; `why` completes the sentence. */
export function requireSupervised(sample: SampleTokens, why: string): SampleTokens {
  if (sample.supervised.includes(1)) return sample;
  throw new TriptychError(
    'INVALID_INPUT',
    `The sample has ${sample.ids.length} tokens and none of them is a label, so nothing can be learnt from it: ${why}`,
  );
}

/** INVALID_INPUT unless the text shows as many images as the sample has. */
export function requireImages(segments: readonly Segment[], images: number): void {
  const shown = segments.filter(({ kind }) => kind === 'image').length;
  if (shown === images) return;
  throw new TriptychError(
    'INVALID_INPUT',
    `The text has ${shown} image token${shown === 1 ? '' : 's'} and the sample has ${images} image${images === 1 ? '' : 's'}; write <image> once for each image`,
  );
}

/** Neighbours with the same mark are one text: a token may cross from one to the other. */
function joined(segments: readonly Segment[]): Segment[] {
  const result: Segment[] = [];
  for (const segment of segments) {
    const last = result.at(-1);
    if (segment.kind === 'text' && last?.kind === 'text' && last.supervised === segment.supervised)
      result[result.length - 1] = { ...last, text: last.text + segment.text };
    else if (segment.kind !== 'text' || segment.text !== '') result.push(segment);
  }
  return result;
}
