/**
 * CLIPScore and RefCLIPScore (Hessel et al., https://arxiv.org/abs/2104.08718) of features, as its authors' clipscore.py computes them.
 * Their features are those of CLIP ViT-B/32 and of "A photo depicts " before each caption; others give other numbers.
 */
import { named } from './metrics.ts';
import { eachAlone, meanOfSamples, type Statistic } from './score.ts';

/** What a cosine is multiplied by, so that good captions come near 1. */
const WEIGHT = 2.5;

export interface ClipScoreInput {
  readonly width: number;
  /** [samples, width], of any length. */
  readonly images: Float32Array;
  /** [samples, width] */
  readonly captions: Float32Array;
  readonly references?: ReferenceFeatures;
}

export interface ReferenceFeatures {
  /** [references, width] */
  readonly features: Float32Array;
  /** [references]: the sample of each; every sample has one at least. */
  readonly sampleOf: Int32Array;
}

/** `clip_score`: 2.5 times the cosine of image and caption, and 0 where that is negative. */
export function clipScores({ width, images, captions }: ClipScoreInput): Float64Array {
  if (images.length !== captions.length)
    throw new RangeError(`captions must be [${images.length / width}, ${width}]`);
  return Float64Array.from({ length: images.length / width }, (_, sample) =>
    Math.max(0, WEIGHT * cosine(images, captions, { width, first: sample, second: sample })),
  );
}

/**
 * `ref_clip_score`: the harmonic mean of `clip_score` and the largest cosine of the caption with a reference; 0 where both
 * are 0.
 */
export function refClipScores(
  input: ClipScoreInput & { readonly references: ReferenceFeatures },
): Float64Array {
  const { width, captions, references } = input;
  const likest = new Float64Array(captions.length / width).fill(-Infinity);
  for (const [reference, sample] of references.sampleOf.entries()) {
    const at = { width, first: sample, second: reference };
    likest[sample] = Math.max(likest[sample]!, cosine(captions, references.features, at));
  }
  const without = likest.indexOf(-Infinity);
  if (without >= 0) throw new RangeError(`sample ${without} has no reference`);
  return clipScores(input).map((score, sample) => {
    const sum = score + likest[sample]!;
    return sum === 0 ? 0 : (2 * score * likest[sample]!) / sum;
  });
}

/** Each sample on its own. */
export function clipScoreStatistics(input: ClipScoreInput): Statistic[] {
  const samples = input.images.length / input.width;
  const of = { ids: Array.from({ length: samples }, (_, i) => `sample ${i}`), clusters: eachAlone(samples) };
  const { references } = input;
  return [
    meanOfSamples({ ...named('clip_score'), ...of, values: clipScores(input) }),
    ...(references
      ? [
          meanOfSamples({
            ...named('ref_clip_score'),
            ...of,
            values: refClipScores({ ...input, references }),
          }),
        ]
      : []),
  ];
}

/** Of a row of each. */
function cosine(
  a: Float32Array,
  b: Float32Array,
  { width, first, second }: { readonly width: number; readonly first: number; readonly second: number },
): number {
  let [product, own, theirs] = [0, 0, 0];
  for (let k = 0; k < width; k++) {
    const [x, y] = [a[first * width + k]!, b[second * width + k]!];
    product += x * y;
    own += x * x;
    theirs += y * y;
  }
  return product / Math.sqrt(own * theirs);
}
