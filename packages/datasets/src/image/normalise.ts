/** From bytes to a model's numbers. */
import type { ImageTransform } from './transform.ts';

/**
 * Writes `(byte * rescale - mean) / std` of RGB bytes [size, size, 3] to `out` as [3, size, size], from `offset` on.
 */
export function normalise(
  pixels: Uint8Array,
  transform: ImageTransform,
  out: Float32Array,
  offset: number,
): void {
  const plane = transform.size * transform.size;
  for (let channel = 0; channel < 3; channel += 1) {
    const [mean, std] = [transform.mean[channel] as number, transform.std[channel] as number];
    const table = levels(mean, std, transform.rescale);
    const start = offset + channel * plane;
    for (let i = 0; i < plane; i += 1) out[start + i] = table[pixels[i * 3 + channel] as number] as number;
  }
}

const tables = new Map<string, Float32Array>();

/** The 256 values of one channel; a look-up is several times faster than the division. */
function levels(mean: number, std: number, rescale: number): Float32Array {
  const key = `${mean} ${std} ${rescale}`;
  const known = tables.get(key);
  if (known) return known;
  // The factor stands for a division by 255, which rounds once less.
  const value = rescale === 1 / 255 ? (byte: number) => byte / 255 : (byte: number) => byte * rescale;
  const table = Float32Array.from({ length: 256 }, (_, byte) => (value(byte) - mean) / std);
  tables.set(key, table);
  return table;
}
