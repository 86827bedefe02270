/**
 * Image files to RGB bytes, as Pillow's `Image.open(...).convert('RGB')` gives them: stored orientation, alpha dropped and not
 * blended, palettes expanded, grey repeated, no colour management. JPEG, PNG, WebP, GIF (first frame), TIFF.
 */
import { TriptychError } from '@triptych/protocol';
import sharp from 'sharp';

// Every picture is small and seen once: libvips' operation cache only holds memory, and its threads cost more than they bring.
sharp.cache(false);
sharp.concurrency(1);

/** Larger pictures are refused from their header alone: decompression bombs. */
const MAX_PIXELS = 25_000_000;

export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** Bytes [height, width, 3]. */
  readonly data: Uint8Array;
}

/** Throws DATASET_INVALID, with the decoder's words, where the bytes are no complete image. */
export async function decodeImage(file: Uint8Array): Promise<RgbImage> {
  try {
    const image = sharp(file, { failOn: 'error', ignoreIcc: true, limitInputPixels: MAX_PIXELS });
    const { data, info } = await image
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    return { width, height, data: info.channels === 3 ? data : repeatGrey(data, info.channels) };
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new TriptychError('DATASET_INVALID', `Not a complete image: ${detail}`, { cause });
  }
}

function repeatGrey(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i += 1) rgb.fill(data[i * channels] as number, i * 3, i * 3 + 3);
  return rgb;
}
