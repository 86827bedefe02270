/**
 * Image files to RGB bytes, as Pillow's `Image.open(...).convert('RGB')` gives them: JPEG's stored orientation (and TIFF's upright
 * one), alpha dropped and not blended, palettes expanded, grey repeated, CMYK by the plain formula, no colour management.
 * JPEG, PNG, WebP, GIF and BMP, TIFF; of several frames the first. One difference is wanted: 16-bit grey keeps its high byte,
 * where Pillow clips it to white.
 */
import { TriptychError } from '@triptych/protocol';
import sharp, { type Sharp } from 'sharp';
import { decodeBmp } from './bmp.ts';
import { cmykToRgb } from './cmyk.ts';
import { decodeGif } from './gif.ts';
import { type ImageFormat, imageFormat, imageFormats, lookalike } from './image-format.ts';
import { assertPixels, PixelLimitError } from './pixel-limit.ts';

// Every picture is small and seen once: libvips' operation cache only holds memory, and its threads cost more than they bring.
sharp.cache(false);
sharp.concurrency(1);

export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** Bytes [height, width, 3]. */
  readonly data: Uint8Array;
}

/**
 * Throws DATASET_INVALID where the bytes are no complete image of a promised format, and says which: not one, truncated, damaged. One with
 * too many pixels has a PixelLimitError as its cause.
 */
export async function decodeImage(file: Uint8Array): Promise<RgbImage> {
  const format = imageFormat(file);
  if (!format)
    throw new TriptychError(
      'DATASET_INVALID',
      `Not an image: expected ${imageFormats.join(', ')}, got ${lookalike(file) ?? 'something else'}; convert it, or leave it out`,
    );
  try {
    if (format === 'GIF') return decodeGif(file);
    if (format === 'BMP') return decodeBmp(file);
    return await decodeWithLibrary(file, format);
  } catch (cause) {
    const message =
      cause instanceof PixelLimitError
        ? `The ${format} is too large: ${cause.message}; make it smaller`
        : incomplete(file, format, cause);
    throw new TriptychError('DATASET_INVALID', message, { cause });
  }
}

async function decodeWithLibrary(file: Uint8Array, format: ImageFormat): Promise<RgbImage> {
  // The limit is ours, so that the message has the size; reading the header allocates nothing.
  const image = sharp(file, { failOn: 'error', ignoreIcc: true, limitInputPixels: false });
  const { space, depth, width: columns, height: rows } = await image.metadata();
  assertPixels(columns, rows);
  // Pillow turns a TIFF upright when it loads it, and no other format.
  if (format === 'TIFF') image.autoOrient();
  if (space === 'cmyk') {
    image.pipelineColourspace('cmyk').toColourspace('cmyk');
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: cmykToRgb(data, info.channels) };
  }
  if (depth === 'float' || depth === 'double') return decodeFloats(image);
  const { data, info } = await image
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { width, height, data: info.channels === 3 ? data : repeatGrey(data, info.channels) };
}

/** Floating-point samples are levels: cut off below 0 and above 255, fractions dropped. */
async function decodeFloats(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image.raw({ depth: 'float' }).toBuffer({ resolveWithObject: true });
  const floats = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  const levels = Uint8Array.from(floats, (value) => Math.min(255, Math.max(0, Math.trunc(value))));
  return { width: info.width, height: info.height, data: repeatGrey(levels, info.channels) };
}

function repeatGrey(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i += 1) rgb.fill(data[i * channels] as number, i * 3, i * 3 + 3);
  return rgb;
}

/** The library's many words for a file that ends early. */
const TRUNCATED = /truncated|premature end|unexpected end|end of (file|stream|input)|not enough/i;

function incomplete(file: Uint8Array, format: ImageFormat, cause: unknown): string {
  const detail = (cause instanceof Error ? cause.message : String(cause)).trim();
  if (TRUNCATED.test(detail) || endsBeforeItSays(file, format))
    return `Not a complete image: the ${format} is truncated (${detail})`;
  return `Not a complete image: the ${format} is damaged or of an unknown kind (${detail})`;
}

/** For formats whose header says where something later lies; the library has no word for it. */
function endsBeforeItSays(file: Uint8Array, format: ImageFormat): boolean {
  if (file.length < 8) return true;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (format === 'PNG') return !Buffer.from(view.buffer, view.byteOffset, view.byteLength).includes('IEND');
  if (format === 'WebP') return view.getUint32(4, true) + 8 > file.length;
  if (format === 'TIFF') return view.getUint32(4, file[0] === 0x49) + 2 > file.length;
  return false;
}
