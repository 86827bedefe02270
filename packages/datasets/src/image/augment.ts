/**
 * The random crop of contrastive training: a part of the picture, a little smaller and of another aspect ratio, on the model's
 * square. Source: torchvision's RandomResizedCrop. No flips, no colours.
 */
import type { RandomStream } from '../random-stream.ts';
import type { RgbImage } from './decode.ts';
import { resize } from './resize.ts';
import type { ImageTransform } from './transform.ts';

export interface RandomCrop {
  /** Smallest and largest share of the picture's area. */
  readonly scale: readonly [number, number];
  /** Smallest and largest width divided by height; drawn evenly in the logarithm. */
  readonly ratio: readonly [number, number];
}

/** A crop and what it is drawn with. */
export interface CropDraw {
  readonly augment: RandomCrop;
  readonly stream: RandomStream;
}

const ATTEMPTS = 10;

/**
 * New bytes [size, size, 3], in the place of `resizeAndCrop`. The same bytes for the same stream: make one for each seed, step
 * and picture.
 */
export function randomResizedCrop(
  image: RgbImage,
  options: CropDraw & { readonly transform: ImageTransform },
): Uint8Array {
  const { transform, augment, stream } = options;
  const { size, filter } = transform;
  const window = { left: 0, top: 0, width: size, height: size };
  return resize(cut(image, randomBox(image, augment, stream)), { width: size, height: size, window, filter });
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function randomBox(
  image: { width: number; height: number },
  { scale, ratio }: RandomCrop,
  stream: RandomStream,
): Box {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const area = image.width * image.height * stream.between(...scale);
    const aspect = Math.exp(stream.between(Math.log(ratio[0]), Math.log(ratio[1])));
    const width = Math.round(Math.sqrt(area * aspect));
    const height = Math.round(Math.sqrt(area / aspect));
    if (width < 1 || width > image.width || height < 1 || height > image.height) continue;
    const top = stream.integer(image.height - height + 1);
    return { left: stream.integer(image.width - width + 1), top, width, height };
  }
  return largestBox(image, ratio);
}

/** In the middle, with the nearest allowed aspect ratio. */
function largestBox({ width, height }: { width: number; height: number }, ratio: RandomCrop['ratio']): Box {
  const aspect = Math.min(ratio[1], Math.max(ratio[0], width / height));
  const box = {
    width: Math.max(1, Math.min(width, Math.round(height * aspect))),
    height: Math.max(1, Math.min(height, Math.round(width / aspect))),
  };
  return { ...box, left: Math.floor((width - box.width) / 2), top: Math.floor((height - box.height) / 2) };
}

function cut(image: RgbImage, { left, top, width, height }: Box): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row += 1) {
    const start = ((top + row) * image.width + left) * 3;
    data.set(image.data.subarray(start, start + width * 3), row * width * 3);
  }
  return { width, height, data };
}
