/**
 * The first frame of a GIF, to RGB as Pillow gives it: the palette's own colour under transparent pixels, and index 0 (or the
 * transparent index) where the frame does not reach. The image library blends those to black. No animation.
 * Source: GIF89a specification; Pillow, GifImagePlugin.py.
 */
import type { RgbImage } from './decode.ts';
import { assertPixels } from './pixel-limit.ts';

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly interlaced: boolean;
  /** RGB triples; empty: indices are grey levels. */
  readonly palette: Uint8Array;
  readonly transparent: number | undefined;
  /** Of the LZW stream in the file. */
  readonly start: number;
}

/** Throws an Error that says "truncated" or what is damaged; PixelLimitError before anything is allocated. */
export function decodeGif(file: Uint8Array): RgbImage {
  const frame = firstFrame(file);
  const width = Math.max(u16(file, 6), frame.left + frame.width);
  const height = Math.max(u16(file, 8), frame.top + frame.height);
  assertPixels(width, height);
  const indices = new Uint8Array(width * height).fill(frame.transparent ?? 0);
  const drawn = unpack(file, frame);
  const rows = frame.interlaced ? interlacedRows(frame.height) : undefined;
  for (let row = 0; row < frame.height; row += 1) {
    const y = frame.top + (rows ? (rows[row] as number) : row);
    const pixels = drawn.subarray(row * frame.width, (row + 1) * frame.width);
    indices.set(pixels, y * width + frame.left);
  }
  return { width, height, data: coloured(indices, frame.palette) };
}

function firstFrame(file: Uint8Array): Frame {
  const globalFlags = byteAt(file, 10);
  let at = 13;
  let palette: Uint8Array = new Uint8Array();
  if (globalFlags & 0x80) {
    const bytes = 3 << ((globalFlags & 7) + 1);
    palette = file.subarray(at, at + bytes);
    at += bytes;
  }
  let transparent: number | undefined;
  for (;;) {
    const kind = byteAt(file, at);
    if (kind === 0x21) {
      const isGraphicControl = byteAt(file, at + 1) === 0xf9 && byteAt(file, at + 2) >= 4;
      if (isGraphicControl && byteAt(file, at + 3) & 1) transparent = byteAt(file, at + 6);
      at = skipBlocks(file, at + 2);
    } else if (kind === 0x2c) {
      const flags = byteAt(file, at + 9);
      const bytes = flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
      const start = at + 10 + bytes;
      return {
        left: u16(file, at + 1),
        top: u16(file, at + 3),
        width: u16(file, at + 5),
        height: u16(file, at + 7),
        interlaced: (flags & 0x40) !== 0,
        palette: bytes ? file.subarray(at + 10, start) : palette,
        transparent,
        start,
      };
    } else if (kind === 0x3b) {
      throw new Error('the GIF has no frame');
    } else at += 1;
  }
}

function skipBlocks(file: Uint8Array, from: number): number {
  let at = from;
  while (byteAt(file, at) !== 0) at += 1 + byteAt(file, at);
  return at + 1;
}

/** LZW, codes of up to 12 bits, least significant bit first: bytes [frame.height * frame.width]. */
function unpack(file: Uint8Array, frame: Frame): Uint8Array {
  const minimum = byteAt(file, frame.start);
  if (minimum < 1 || minimum > 11) throw new Error(`the GIF has codes of ${minimum} bits`);
  const clear = 1 << minimum;
  const out = new Uint8Array(frame.width * frame.height);
  const prefix = new Int16Array(4096);
  const suffix = new Uint8Array(4096);
  const stack = new Uint8Array(4097);
  let [at, blockEnd] = [frame.start + 1, frame.start + 1];
  let [bits, bitCount, size, next, previous, first, written] = [0, 0, minimum + 1, clear + 2, -1, 0, 0];
  while (written < out.length) {
    while (bitCount < size) {
      if (at === blockEnd) {
        const length = byteAt(file, at);
        if (length === 0) throw new Error('the GIF is truncated: its frame ends early');
        at += 1;
        blockEnd = at + length;
      }
      bits |= byteAt(file, at) << bitCount;
      bitCount += 8;
      at += 1;
    }
    const code = bits & ((1 << size) - 1);
    bits >>= size;
    bitCount -= size;
    if (code === clear) {
      [size, next, previous] = [minimum + 1, clear + 2, -1];
      continue;
    }
    if (code === clear + 1) throw new Error('the GIF is truncated: its frame ends early');
    if (code > next || (previous < 0 && code >= clear)) throw new Error('the GIF has an invalid code');
    let depth = 0;
    let current = code;
    if (code === next) {
      stack[depth++] = first;
      current = previous;
    }
    while (current >= clear) {
      stack[depth++] = suffix[current] as number;
      current = prefix[current] as number;
    }
    first = current;
    stack[depth++] = first;
    while (depth > 0 && written < out.length) out[written++] = stack[--depth] as number;
    if (previous >= 0 && next < 4096) {
      prefix[next] = previous;
      suffix[next] = first;
      next += 1;
      if (next === 1 << size && size < 12) size += 1;
    }
    previous = code;
  }
  return out;
}

/** Where each stored row belongs. */
function interlacedRows(height: number): number[] {
  const rows: number[] = [];
  for (const [start, step] of [
    [0, 8],
    [4, 8],
    [2, 4],
    [1, 2],
  ] as const)
    for (let row = start; row < height; row += step) rows.push(row);
  return rows;
}

function coloured(indices: Uint8Array, palette: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(indices.length * 3);
  for (let i = 0; i < indices.length; i += 1) {
    const index = indices[i] as number;
    for (let channel = 0; channel < 3; channel += 1)
      rgb[i * 3 + channel] = palette.length ? (palette[index * 3 + channel] ?? 0) : index;
  }
  return rgb;
}

function byteAt(file: Uint8Array, at: number): number {
  const byte = file[at];
  if (byte === undefined) throw new Error('the GIF is truncated');
  return byte;
}

const u16 = (file: Uint8Array, at: number): number => byteAt(file, at) | (byteAt(file, at + 1) << 8);
