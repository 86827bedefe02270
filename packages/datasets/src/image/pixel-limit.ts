/** Larger pictures are refused from their header alone: decompression bombs. */
export const MAX_PIXELS = 25_000_000;

export class PixelLimitError extends Error {}

/** For what a header says, before anything is allocated for it. Throws PixelLimitError. */
export function assertPixels(width: number, height: number): void {
  if (width * height > MAX_PIXELS)
    throw new PixelLimitError(`expected at most ${MAX_PIXELS} pixels, got ${width} x ${height}`);
}
