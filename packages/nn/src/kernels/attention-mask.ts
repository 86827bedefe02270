/** Which keys each query of an attention sees. Every mask that is used here is one range of keys for each query. */
import assert from 'node:assert';

/** `full`: every key. `causal`: the own position and the earlier ones. Otherwise a range for each query. */
export type AttentionMask = 'full' | 'causal' | KeyRanges;

export interface KeyRanges {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  /** `[batch, queries, 2]`: the first key that is seen, and the first one after them that is not; equal: none is. */
  readonly bounds: Int32Array;
}

export interface SequenceMaskOptions {
  readonly batch: number;
  /** Positions that ask. They are the last ones: `past` others, which only answer, lie before them. */
  readonly queries: number;
  readonly past?: number;
  readonly causal: boolean;
  /** Left padding: the first real position of each sequence. */
  readonly starts?: ArrayLike<number>;
  /** Right padding: one past the last real position of each sequence. */
  readonly ends?: ArrayLike<number>;
  /** With `causal`: that many positions at the beginning see one another both ways. */
  readonly prefixes?: ArrayLike<number>;
}

/** Causal, padding and prefix masks of sequences that attend to themselves. A padded position sees nothing. */
export function sequenceMask(options: SequenceMaskOptions): KeyRanges {
  const { batch, queries, past = 0, causal, starts, ends, prefixes } = options;
  const keys = past + queries;
  return keyRanges({ batch, queries, keys }, (b, query) => {
    const position = past + query;
    const [first, last] = [starts?.[b] ?? 0, ends?.[b] ?? keys];
    if (position < first || position >= last) return [0, 0];
    const reach = causal ? Math.max(position + 1, prefixes?.[b] ?? 0) : keys;
    return [first, Math.min(reach, last)];
  });
}

export interface MediaMaskOptions {
  readonly batch: number;
  /** `[batch, queries]`: how many images the text has shown up to and with this token. */
  readonly imageCounts: Int32Array;
  /** Image slots of a sequence, and latents of an image. */
  readonly images: number;
  readonly latents: number;
  /** `latest`: the image shown last. `all-previous`: every image shown so far. */
  readonly attend: 'latest' | 'all-previous';
}

/** Flamingo's mask: which latents `[images * latents]` a token sees (open_flamingo, `MaskedCrossAttention`). */
export function mediaMask({ batch, imageCounts, images, latents, attend }: MediaMaskOptions): KeyRanges {
  const queries = imageCounts.length / batch;
  return keyRanges({ batch, queries, keys: images * latents }, (b, query) => {
    const shown = imageCounts[b * queries + query]!;
    assert(shown <= images, `mediaMask: a text shows ${shown} images, ${images} were given`);
    const first = attend === 'latest' ? Math.max(0, shown - 1) : 0;
    return [first * latents, shown * latents];
  });
}

/** Any mask that is one range of keys for each query. */
export function keyRanges(
  shape: Omit<KeyRanges, 'bounds'>,
  rangeOf: (sequence: number, query: number) => readonly [first: number, end: number],
): KeyRanges {
  const { batch, queries } = shape;
  const bounds = new Int32Array(batch * queries * 2);
  for (let row = 0; row < batch * queries; row++)
    bounds.set(rangeOf(Math.floor(row / queries), row % queries), 2 * row);
  return { ...shape, bounds };
}
