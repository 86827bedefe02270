/** How a picture of any size becomes a square of pixels: CLIP's evaluation transform. */
import type { RgbImage } from './decode.ts';
import { resizeBicubic } from './resize.ts';

export interface ImageTransform {
  /** Side of the square, in pixels. */
  readonly size: number;
  /** Subtracted per channel from values in 0..1. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** Crop offset of an odd gap: Hugging Face floors, torchvision and open_clip round half to even. */
  readonly cropRounding: 'floor' | 'half-even';
}

/** The published CLIP models' transform at `size` pixels, with Hugging Face's crop. */
export const clipTransform = (size: number): ImageTransform => ({
  size,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
  cropRounding: 'floor',
});

/** Short side to `size`, centre crop: bytes [size, size, 3]. */
export function resizeAndCrop(image: RgbImage, { size, cropRounding }: ImageTransform): Uint8Array {
  const short = Math.min(image.width, image.height);
  const width = Math.floor((size * image.width) / short);
  const height = Math.floor((size * image.height) / short);
  const offset = cropRounding === 'floor' ? floorHalf : halfEven;
  return resizeBicubic(image, {
    width,
    height,
    window: { left: offset(width - size), top: offset(height - size), width: size, height: size },
  });
}

/**
 * Writes `(byte / 255 - mean) / std` of RGB bytes [size, size, 3] to `out` as [3, size, size], from `offset` on.
 */
export function normalise(
  pixels: Uint8Array,
  transform: ImageTransform,
  out: Float32Array,
  offset: number,
): void {
  const plane = transform.size * transform.size;
  for (let channel = 0; channel < 3; channel += 1) {
    const table = levels(transform.mean[channel] as number, transform.std[channel] as number);
    const start = offset + channel * plane;
    for (let i = 0; i < plane; i += 1) out[start + i] = table[pixels[i * 3 + channel] as number] as number;
  }
}

const tables = new Map<string, Float32Array>();

/** The 256 values of one channel; a look-up is several times faster than the division. */
function levels(mean: number, std: number): Float32Array {
  const key = `${mean} ${std}`;
  const known = tables.get(key);
  if (known) return known;
  const table = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / std);
  tables.set(key, table);
  return table;
}

const floorHalf = (gap: number): number => Math.floor(gap / 2);

function halfEven(gap: number): number {
  const half = Math.floor(gap / 2);
  return gap % 2 === 0 || half % 2 === 0 ? half : half + 1;
}
