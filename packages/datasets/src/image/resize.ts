/**
 * Pillow's 8-bit resize, exactly: when shrinking, the kernel widens with the ratio (antialias); weights are 22-bit integers; the
 * horizontal pass is rounded to bytes before the vertical one. Only the wanted window is computed.
 * Source: Pillow, src/libImaging/Resample.c; nearest: Geometry.c.
 */
import type { RgbImage } from './decode.ts';
import { type Kernel, kernels, type ResampleFilter } from './resample-filter.ts';

const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

/** The part of the resized picture to compute, in its pixels. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** `source` resized to `width` x `height`, cut to `window`: bytes [window.height, window.width, 3]. */
export function resize(
  source: RgbImage,
  {
    width,
    height,
    window,
    filter,
  }: { width: number; height: number; window: Window; filter: ResampleFilter },
): Uint8Array {
  if (filter === 'nearest') return resizeNearest(source, { width, height, window });
  const kernel = kernels[filter];
  const columns = taps(kernel, { from: source.width, to: width, start: window.left, count: window.width });
  const rows = taps(kernel, { from: source.height, to: height, start: window.top, count: window.height });
  const firstRow = rows.first[0] as number;
  const lastRow = (rows.first.at(-1) as number) + (rows.length.at(-1) as number);
  const narrow = horizontalPass(source, columns, { firstRow, lastRow });
  return verticalPass(narrow, rows, { firstRow, rowBytes: window.width * 3 });
}

/** For each output position: the first source position, how many there are, and their fixed-point weights at `n * stride`. */
interface Taps {
  readonly first: Int32Array;
  readonly length: Int32Array;
  readonly weights: Int32Array;
  readonly stride: number;
}

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly count: number;
}

function taps({ radius, weight: weightAt }: Kernel, { from, to, start, count }: Axis): Taps {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = radius * stretch;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const length = new Int32Array(count);
  const weights = new Int32Array(count * stride);
  const exact = new Float64Array(stride);
  for (let n = 0; n < count; n += 1) {
    const centre = (start + n + 0.5) * scale;
    const begin = Math.max(Math.trunc(centre - support + 0.5), 0);
    const size = Math.min(Math.trunc(centre + support + 0.5), from) - begin;
    let total = 0;
    for (let i = 0; i < size; i += 1) {
      exact[i] = weightAt((i + begin - centre + 0.5) * (1 / stretch));
      total += exact[i] as number;
    }
    first[n] = begin;
    length[n] = size;
    for (let i = 0; i < size; i += 1) {
      const weight = ((exact[i] as number) / total) * (1 << PRECISION_BITS);
      weights[n * stride + i] = Math.trunc(weight + (weight < 0 ? -0.5 : 0.5));
    }
  }
  return { first, length, weights, stride };
}

function horizontalPass(
  source: RgbImage,
  { first, length, weights, stride }: Taps,
  { firstRow, lastRow }: { firstRow: number; lastRow: number },
): Uint8Array {
  const { data, width } = source;
  const out = new Uint8ClampedArray((lastRow - firstRow) * first.length * 3);
  let at = 0;
  for (let row = firstRow; row < lastRow; row += 1)
    for (let n = 0; n < first.length; n += 1) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let pixel = (row * width + (first[n] as number)) * 3;
      const begin = n * stride;
      const end = begin + (length[n] as number);
      for (let i = begin; i < end; i += 1, pixel += 3) {
        const weight = weights[i] as number;
        red += (data[pixel] as number) * weight;
        green += (data[pixel + 1] as number) * weight;
        blue += (data[pixel + 2] as number) * weight;
      }
      out[at++] = red >> PRECISION_BITS;
      out[at++] = green >> PRECISION_BITS;
      out[at++] = blue >> PRECISION_BITS;
    }
  return new Uint8Array(out.buffer);
}

/** `narrow` starts at source row `firstRow`. */
function verticalPass(
  narrow: Uint8Array,
  { first, length, weights, stride }: Taps,
  { firstRow, rowBytes }: { firstRow: number; rowBytes: number },
): Uint8Array {
  const out = new Uint8ClampedArray(first.length * rowBytes);
  let at = 0;
  for (let n = 0; n < first.length; n += 1) {
    const origin = ((first[n] as number) - firstRow) * rowBytes;
    const begin = n * stride;
    const end = begin + (length[n] as number);
    for (let column = 0; column < rowBytes; column += 1) {
      let sum = HALF;
      let sample = origin + column;
      for (let i = begin; i < end; i += 1, sample += rowBytes)
        sum += (narrow[sample] as number) * (weights[i] as number);
      out[at++] = sum >> PRECISION_BITS;
    }
  }
  return new Uint8Array(out.buffer);
}

function resizeNearest(
  source: RgbImage,
  { width, height, window }: { width: number; height: number; window: Window },
): Uint8Array {
  const columns = nearest({ from: source.width, to: width, start: window.left, count: window.width });
  const rows = nearest({ from: source.height, to: height, start: window.top, count: window.height });
  const out = new Uint8Array(rows.length * columns.length * 3);
  let at = 0;
  for (const row of rows)
    for (const column of columns) {
      const pixel = (row * source.width + column) * 3;
      out[at++] = source.data[pixel] as number;
      out[at++] = source.data[pixel + 1] as number;
      out[at++] = source.data[pixel + 2] as number;
    }
  return out;
}

/** The steps are added up one by one, as Pillow adds them: a product would round differently. */
function nearest({ from, to, start, count }: Axis): Int32Array {
  const scale = from / to;
  const positions = new Int32Array(count);
  let position = scale * 0.5;
  for (let n = 0; n < start + count; n += 1, position += scale)
    if (n >= start) positions[n - start] = Math.min(Math.trunc(position), from - 1);
  return positions;
}
