import type { Dataset } from '../pack/dataset.ts';
import type { RandomStream } from '../random-stream.ts';
import { type RandomCrop, randomResizedCrop } from './augment.ts';
import { decodeImage } from './decode.ts';
import { type ImageTransform, resizeAndCrop } from './transform.ts';

/** One sample's picture, decoded, resized and cropped (at random with `random`): new RGB bytes [size, size, 3]. */
export async function pixels(
  dataset: Dataset,
  index: number,
  transform: ImageTransform,
  random?: { readonly augment: RandomCrop; readonly stream: RandomStream },
): Promise<Uint8Array> {
  const image = await decodeImage(await dataset.image(index));
  return random ? randomResizedCrop(image, { transform, ...random }) : resizeAndCrop(image, transform);
}
