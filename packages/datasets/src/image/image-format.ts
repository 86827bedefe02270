/**
 * Which of the promised formats a file's content has. Names and extensions count for nothing, and what is not promised
 * (SVG, PDF, HEIF, ...) is not decoded even where a library could.
 */
export type ImageFormat = 'JPEG' | 'PNG' | 'WebP' | 'GIF' | 'TIFF' | 'BMP';

/** In the order in which messages list them. */
export const imageFormats: readonly ImageFormat[] = ['JPEG', 'PNG', 'WebP', 'GIF', 'TIFF', 'BMP'];

/** `undefined` where the content has none of them. */
export function imageFormat(file: Uint8Array): ImageFormat | undefined {
  return imageFormats.find((format) => signatures[format](file));
}

const signatures: Record<ImageFormat, (file: Uint8Array) => boolean> = {
  JPEG: (file) => startsWith(file, [0xff, 0xd8, 0xff]),
  PNG: (file) => startsWith(file, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  WebP: (file) => text(file, 0, 4) === 'RIFF' && text(file, 8, 12) === 'WEBP',
  GIF: (file) => /^GIF8[79]a$/.test(text(file, 0, 6)),
  // The second pair of each is BigTIFF.
  TIFF: (file) => ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(text(file, 0, 4)),
  // "BM" is short: the size of the header that follows tells it from other files.
  BMP: (file) =>
    text(file, 0, 2) === 'BM' && [12, 40, 52, 56, 64, 108, 124].includes(file[14] ?? 0) && file[15] === 0,
};

const startsWith = (file: Uint8Array, bytes: readonly number[]): boolean =>
  bytes.every((byte, i) => file[i] === byte);

const text = (file: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...file.subarray(from, to));

/** What a file that is no image seems to be, for messages; `undefined` where nothing is recognised. */
export function lookalike(file: Uint8Array): string | undefined {
  if (file.length === 0) return 'an empty file';
  const start = text(file, 0, 512)
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  if (/^<(!doctype html|html|head|body)/i.test(start)) return 'an HTML page';
  if (/^(<\?xml|<!--|<!doctype svg|<svg)/i.test(start))
    return /<svg|doctype svg/i.test(start) ? 'an SVG drawing' : 'XML';
  if (/^[{[]/.test(start)) return 'JSON';
  if (start.startsWith('%PDF')) return 'a PDF document';
  const brand = text(file, 4, 8) === 'ftyp' ? text(file, 8, 12) : '';
  if (/^avi[fs]$/.test(brand)) return 'an AVIF image';
  if (/^(hei|hev|mif1|msf1)/.test(brand)) return 'a HEIF image';
  return undefined;
}
