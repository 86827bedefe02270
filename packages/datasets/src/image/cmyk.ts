/** CMYK bytes to RGB by the plain formula, as Pillow does it: no profile. Source: Pillow, src/libImaging/Convert.c. */

/** `data` has `channels` >= 4 bytes a pixel, of which the first four are C, M, Y, K: new bytes, 3 a pixel. */
export function cmykToRgb(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  const rgb = new Uint8ClampedArray(pixels * 3);
  for (let i = 0; i < pixels; i += 1) {
    const light = 255 - (data[i * channels + 3] as number);
    for (let ink = 0; ink < 3; ink += 1)
      rgb[i * 3 + ink] = light - shareOf255((data[i * channels + ink] as number) * light);
  }
  return new Uint8Array(rgb.buffer);
}

/** product / 255, rounded, in integers. */
const shareOf255 = (product: number): number => {
  const rounded = product + 128;
  return ((rounded >> 8) + rounded) >> 8;
};
