/**
 * Windows bitmaps to RGB, which the image library cannot read: 1, 4, 8, 16, 24 and 32 bits a pixel, palettes, bit masks, both
 * row orders. Alpha is dropped. Run-length coding is refused by name. Source: Pillow, BmpImagePlugin.py.
 */
import type { RgbImage } from './decode.ts';
import { assertPixels } from './pixel-limit.ts';

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  /** Red, green and blue of 16 and 32 bits a pixel. */
  readonly masks: readonly [number, number, number];
  readonly palette: { readonly start: number; readonly stride: number; readonly colours: number };
  readonly pixels: number;
}

/** Throws an Error that says "truncated" or what is not supported; PixelLimitError before anything is allocated. */
export function decodeBmp(file: Uint8Array): RgbImage {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const header = readHeader(view);
  const { width, height, bits } = header;
  if (width < 1 || height < 1) throw new Error(`${width} x ${height} pixels are none`);
  assertPixels(width, height);
  const rowBytes = Math.floor((width * bits + 31) / 32) * 4;
  // The padding of the last row may be missing.
  const needed = header.pixels + rowBytes * (height - 1) + Math.ceil((width * bits) / 8);
  if (needed > file.length) throw new Error(`the BMP is truncated: ${file.length} of ${needed} bytes`);
  const data = new Uint8Array(width * height * 3);
  const write = bits <= 8 ? fromPalette(file, header) : fromMasks(view, header);
  for (let y = 0; y < height; y += 1) {
    const row = header.pixels + rowBytes * (header.topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x += 1) write(row, x, data, (y * width + x) * 3);
  }
  return { width, height, data };
}

function readHeader(view: DataView): Header {
  if (view.byteLength < 26) throw new Error('the BMP is truncated');
  const pixels = view.getUint32(10, true);
  const size = view.getUint32(14, true);
  if (view.byteLength < 14 + size) throw new Error('the BMP is truncated');
  if (size === 12) {
    const bits = supportedBits(view.getUint16(24, true));
    return {
      width: view.getUint16(18, true),
      height: view.getUint16(20, true),
      topDown: false,
      bits,
      masks: defaultMasks(bits),
      palette: { start: 26, stride: 3, colours: 1 << Math.min(bits, 8) },
      pixels,
    };
  }
  const bits = supportedBits(view.getUint16(28, true));
  const compression = view.getUint32(30, true);
  if (compression !== 0 && compression !== 3)
    throw new Error(
      `a BMP with compression ${compression} (${compressions[compression] ?? 'unknown'}) is not read; save it as PNG`,
    );
  const height = view.getInt32(22, true);
  const colours = view.getUint32(46, true) || 1 << Math.min(bits, 8);
  return {
    width: view.getInt32(18, true),
    height: Math.abs(height),
    topDown: height < 0,
    bits,
    masks: compression === 3 ? bitMasks(view) : defaultMasks(bits),
    palette: { start: 14 + size, stride: 4, colours: Math.min(colours, 256) },
    pixels,
  };
}

const compressions: Readonly<Record<number, string>> = { 1: 'RLE8', 2: 'RLE4', 4: 'JPEG', 5: 'PNG' };

function supportedBits(bits: number): number {
  if ([1, 4, 8, 16, 24, 32].includes(bits)) return bits;
  throw new Error(`a BMP with ${bits} bits a pixel is not read; save it as PNG`);
}

const defaultMasks = (bits: number): Header['masks'] =>
  bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];

/** They lie behind the 40 bytes of the plain header, or inside a longer one: at the same place. */
function bitMasks(view: DataView): Header['masks'] {
  if (view.byteLength < 66) throw new Error('the BMP is truncated');
  const masks = [54, 58, 62].map((at) => view.getUint32(at, true)) as [number, number, number];
  // No masks at all are read as blue, green, red, alpha.
  return masks.every((mask) => mask === 0) ? defaultMasks(32) : masks;
}

type PixelWriter = (row: number, x: number, out: Uint8Array, at: number) => void;

function fromPalette(file: Uint8Array, { bits, palette }: Header): PixelWriter {
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  return (row, x, out, at) => {
    const byte = file[row + Math.floor(x / perByte)] as number;
    const index = (byte >> (8 - bits * ((x % perByte) + 1))) & mask;
    if (index >= palette.colours) return;
    const colour = palette.start + index * palette.stride;
    for (let channel = 0; channel < 3; channel += 1) out[at + channel] = file[colour + 2 - channel] ?? 0;
  };
}

function fromMasks(view: DataView, { bits, masks }: Header): PixelWriter {
  const channels = masks.map((mask) => {
    const shift = mask === 0 ? 0 : Math.log2(mask & (-mask >>> 0));
    return { mask, shift, largest: Math.max(1, (mask >>> shift) >>> 0) };
  });
  const bytes = bits / 8;
  return (row, x, out, at) => {
    const start = row + x * bytes;
    const pixel =
      bytes === 2
        ? view.getUint16(start, true)
        : bytes === 4
          ? view.getUint32(start, true)
          : view.getUint16(start, true) | (view.getUint8(start + 2) << 16);
    for (const [channel, { mask, shift, largest }] of channels.entries())
      out[at + channel] = Math.floor((((pixel & mask) >>> shift) * 255) / largest);
  };
}
