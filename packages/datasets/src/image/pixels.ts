import type { Dataset } from '../pack/dataset.ts';
import { decodeImage } from './decode.ts';
import { type ImageTransform, resizeAndCrop } from './transform.ts';

/** One sample's picture, decoded, resized and cropped: new RGB bytes [size, size, 3]. */
export async function pixels(
  dataset: Dataset,
  index: number,
  transform: ImageTransform,
): Promise<Uint8Array> {
  return resizeAndCrop(await decodeImage(await dataset.image(index)), transform);
}
