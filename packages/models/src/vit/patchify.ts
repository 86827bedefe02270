/**
 * Cuts images into non-overlapping square patches, each flattened in (channel, row, column) order: a convolution whose
 * stride equals its kernel is then one matrix product with the kernel as it lies in the weight file.
 */
export interface PatchGrid {
  readonly images: number;
  /** Side of the square image in pixels. */
  readonly size: number;
  /** Side of a patch; divides `size`. */
  readonly patch: number;
}

/** `pixels` [B, 3, size, size] as patches [B, (size/patch)^2, 3 * patch * patch], row by row; into `out` where it is given. */
export function patchify(
  pixels: Float32Array,
  { images, size, patch }: PatchGrid,
  out = new Float32Array(images * 3 * size * size),
): Float32Array {
  const channels = 3;
  const side = size / patch;
  const length = images * channels * size * size;
  if (pixels.length !== length || out.length !== length)
    throw new RangeError(`pixels must be [${images}, 3, ${size}, ${size}]`);
  let at = 0;
  for (let image = 0; image < images; image++)
    for (let top = 0; top < side; top++)
      for (let left = 0; left < side; left++)
        for (let channel = 0; channel < channels; channel++)
          for (let row = 0; row < patch; row++) {
            const start = ((image * channels + channel) * size + top * patch + row) * size + left * patch;
            for (let column = 0; column < patch; column++) out[at++] = pixels[start + column]!;
          }
  return out;
}
