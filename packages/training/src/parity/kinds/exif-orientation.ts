/** The orientation that a JPEG file's EXIF states (1 to 8; 1 where it says nothing), and pictures turned accordingly. */
import type { RgbImage } from '@triptych/datasets';

const ORIENTATION = 0x0112;

export function exifOrientation(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 4 || view.getUint16(0) !== 0xffd8) return 1;
  for (let at = 2; at + 4 < file.length && view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const isExif =
      view.getUint8(at + 1) === 0xe1 && new TextDecoder().decode(file.subarray(at + 4, at + 8)) === 'Exif';
    if (isExif)
      return orientationIn(new DataView(file.buffer, file.byteOffset + at + 10, view.getUint16(at + 2) - 8));
  }
  return 1;
}

/** A TIFF header, and the first directory of its entries. */
function orientationIn(tiff: DataView): number {
  const little = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, little);
  for (let i = 0; i < tiff.getUint16(directory, little); i++) {
    const entry = directory + 2 + 12 * i;
    if (tiff.getUint16(entry, little) === ORIENTATION) return tiff.getUint16(entry + 8, little);
  }
  return 1;
}

/** As a viewer shows it. */
export function turnedUpright(image: RgbImage, orientation: number): RgbImage {
  const { width, height, data } = image;
  const swapped = orientation >= 5;
  const [outWidth, outHeight] = swapped ? [height, width] : [width, height];
  const out = new Uint8Array(data.length);
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++) {
      const [across, down] = swapped ? [y, x] : [x, y];
      const column = [2, 3, 7, 8].includes(orientation) ? width - 1 - across : across;
      const row = [3, 4, 6, 7].includes(orientation) ? height - 1 - down : down;
      for (let channel = 0; channel < 3; channel++)
        out[(y * outWidth + x) * 3 + channel] = data[(row * width + column) * 3 + channel]!;
    }
  return { width: outWidth, height: outHeight, data: out };
}
