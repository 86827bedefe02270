/**
 * How a picture of any size becomes a square of pixels, and those become a model's numbers. Plain data, so that it can be
 * compared, hashed and stored. It says what to do, not where that was read: see `processor/`.
 */
import { TriptychError } from '@triptych/protocol';
import type { RgbImage } from './decode.ts';
import type { ResampleFilter } from './resample-filter.ts';
import { resize } from './resize.ts';

export type Triple = readonly [number, number, number];

export interface ImageTransformSettings {
  /** Bytes of the colour with which the picture is first made square, itself in the middle (LLaVA); `null`: not at all. */
  readonly padToSquare: Triple | null;
  readonly resize: Resize | null;
  readonly filter: ResampleFilter;
  readonly crop: CentreCrop | null;
  /** Bytes are multiplied by it before `mean` is subtracted; 1: they stay 0..255. */
  readonly rescale: number;
  /** Subtracted per channel from the rescaled values, then divided by `std`. */
  readonly mean: Triple;
  readonly std: Triple;
}

export type Resize =
  /** The shorter side becomes `edge`; the longer one follows, rounded down. */
  | { readonly kind: 'shortest'; readonly edge: number }
  /** Both sides, whatever the aspect ratio was. */
  | { readonly kind: 'squash'; readonly height: number; readonly width: number }
  /** The longer side becomes `edge`; the shorter one follows, rounded half to even (open_clip's "longest"). */
  | { readonly kind: 'longest'; readonly edge: number };

export interface CentreCrop {
  readonly height: number;
  readonly width: number;
  /** Offset of an odd gap: Hugging Face floors, torchvision and open_clip round half to even. */
  readonly rounding: 'floor' | 'half-even';
  /** Bytes of the colour where the picture is smaller than the crop. */
  readonly fill: Triple;
}

export interface ImageTransform extends ImageTransformSettings {
  /** Side of the square that comes out, in pixels. */
  readonly size: number;
}

/** @throws TriptychError MODEL_INVALID where pictures of different shapes would not all become squares of one size. */
export function imageTransform(settings: ImageTransformSettings): ImageTransform {
  const { height, width } = settings.crop ?? resized(settings) ?? { height: 0, width: 0 };
  if (height === width && height > 0) return { ...settings, size: height };
  throw new TriptychError(
    'MODEL_INVALID',
    `The image preprocessing must end in a square of one size: expected crop_size, or size with equal height and width, ` +
      `got ${height ? `${height} x ${width}` : 'a size that depends on the picture'}; turn do_center_crop on or correct the size`,
  );
}

function resized({ padToSquare, resize: to }: ImageTransformSettings) {
  if (to?.kind === 'squash') return to;
  return to && padToSquare ? { height: to.edge, width: to.edge } : undefined;
}

/** The published CLIP models' transform at `size` pixels, with Hugging Face's crop. */
export const clipTransform = (size: number): ImageTransform =>
  imageTransform({
    padToSquare: null,
    resize: { kind: 'shortest', edge: size },
    filter: 'bicubic',
    crop: { height: size, width: size, rounding: 'floor', fill: [0, 0, 0] },
    rescale: 1 / 255,
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  });

/** Pads, resizes and crops: new bytes [size, size, 3]. */
export function resizeAndCrop(image: RgbImage, transform: ImageTransform): Uint8Array {
  const source = transform.padToSquare ? onSquare(image, transform.padToSquare) : image;
  const target = targetSize(source, transform.resize);
  const { crop, filter } = transform;
  if (!crop) return resize(source, { ...target, filter, window: { left: 0, top: 0, ...target } });
  const offset = crop.rounding === 'floor' ? Math.floor : halfToEven;
  const columns = overlap({ length: target.width, crop: crop.width, offset });
  const rows = overlap({ length: target.height, crop: crop.height, offset });
  const window = { left: columns.from, top: rows.from, width: columns.count, height: rows.count };
  const data = resize(source, { ...target, filter, window });
  if (window.width === crop.width && window.height === crop.height) return data;
  const part = { width: window.width, height: window.height, data };
  return paste(part, { ...crop, left: columns.at, top: rows.at, fill: crop.fill }).data;
}

function targetSize({ width, height }: RgbImage, to: Resize | null): { width: number; height: number } {
  if (!to) return { width, height };
  if (to.kind === 'squash') return { width: to.width, height: to.height };
  if (to.kind === 'shortest') {
    const short = Math.min(width, height);
    const follow = (side: number) => Math.floor((to.edge * side) / short);
    return { width: follow(width), height: follow(height) };
  }
  const ratio = Math.max(width / to.edge, height / to.edge);
  const follow = (side: number) => Math.max(1, halfToEven(side / ratio));
  return { width: follow(width), height: follow(height) };
}

/** Where a centred crop of an axis meets the picture: from which of its pixels, how many, and at which place of the crop. */
function overlap({
  length,
  crop,
  offset,
}: {
  length: number;
  crop: number;
  offset: (half: number) => number;
}) {
  // The reference implementations disagree about a crop that is larger by an odd number of pixels, too.
  const start =
    length >= crop || offset === Math.floor ? offset((length - crop) / 2) : -Math.floor((crop - length) / 2);
  return { from: Math.max(0, start), at: Math.max(0, -start), count: Math.min(length, crop) };
}

function onSquare(image: RgbImage, fill: Triple): RgbImage {
  const side = Math.max(image.width, image.height);
  if (image.width === image.height) return image;
  const left = Math.floor((side - image.width) / 2);
  const top = Math.floor((side - image.height) / 2);
  return paste(image, { width: side, height: side, left, top, fill });
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly fill: Triple;
}

function paste(image: RgbImage, { width, height, left, top, fill }: Canvas): RgbImage {
  const data = new Uint8Array(width * height * 3);
  if (fill.some((level) => level !== 0)) for (let i = 0; i < data.length; i += 3) data.set(fill, i);
  const rowBytes = image.width * 3;
  for (let row = 0; row < image.height; row += 1)
    data.set(image.data.subarray(row * rowBytes, (row + 1) * rowBytes), ((top + row) * width + left) * 3);
  return { width, height, data };
}

function halfToEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}
