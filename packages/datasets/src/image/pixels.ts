import type { Dataset } from '../pack/dataset.ts';
import { type CropDraw, randomResizedCrop } from './augment.ts';
import { decodeImage } from './decode.ts';
import { type ImageTransform, resizeAndCrop } from './transform.ts';

/** One sample's picture, decoded, resized and cropped (at random with `crop`): new RGB bytes [size, size, 3]. */
export async function pixels(
  dataset: Dataset,
  index: number,
  transform: ImageTransform,
  crop?: CropDraw,
): Promise<Uint8Array> {
  const image = await decodeImage(await dataset.image(index));
  return crop ? randomResizedCrop(image, { transform, ...crop }) : resizeAndCrop(image, transform);
}
