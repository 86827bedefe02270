import { expect, test } from 'vitest';
import { randomStream } from '../random-stream.ts';
import { type RandomCrop, randomResizedCrop } from './augment.ts';
import { clipTransform } from './transform.ts';

/** The red channel has the column's number, the green one the row's: a crop shows where it was taken. */
function gradient(width: number, height: number) {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i += 1) data.set([i % width, Math.floor(i / width), 0], i * 3);
  return { width, height, data };
}

const slight: RandomCrop = { scale: [0.9, 1], ratio: [3 / 4, 4 / 3] };
const transform = { ...clipTransform(16), filter: 'nearest' as const };
const crop = (image: ReturnType<typeof gradient>, epoch: number, sample: number, augment = slight) =>
  randomResizedCrop(image, { transform, augment, stream: randomStream(7, 'augment', epoch, sample) });

test('the same seed, epoch and sample give the same bytes; another of them gives others', () => {
  const image = gradient(200, 150);
  expect(crop(image, 1, 5)).toEqual(crop(image, 1, 5));
  expect(crop(image, 2, 5)).not.toEqual(crop(image, 1, 5));
  expect(crop(image, 1, 6)).not.toEqual(crop(image, 1, 5));
});

test('crops have the area, aspect ratio and place that were asked for', () => {
  const image = gradient(200, 150);
  const augment = { scale: [0.25, 0.5], ratio: [0.8, 1.25] } as const;
  let [leftmost, rightmost] = [200, 0];
  for (let sample = 0; sample < 200; sample += 1) {
    const bytes = randomResizedCrop(image, {
      transform,
      augment,
      stream: randomStream(7, 'augment', 0, sample),
    });
    const last = bytes.length - 3;
    // Nearest takes the middle of each of 16 cells: from the first to the last are 15/16 of the side.
    const width = ((bytes[last]! - bytes[0]!) * 16) / 15;
    const height = ((bytes[last + 1]! - bytes[1]!) * 16) / 15;
    // A pixel on either side.
    const slack = (width + height + 4) * 1.1;
    expect(width * height).toBeGreaterThan(0.25 * 200 * 150 - slack);
    expect(width * height).toBeLessThan(0.5 * 200 * 150 + slack);
    expect(width / height).toBeGreaterThan(0.8 * 0.97);
    expect(width / height).toBeLessThan(1.25 * 1.03);
    leftmost = Math.min(leftmost, bytes[0]!);
    rightmost = Math.max(rightmost, bytes[last]!);
  }
  expect(leftmost).toBeLessThan(12);
  expect(rightmost).toBeGreaterThan(188);
});

test('a picture that has no such part gives its largest one, in the middle', () => {
  // 3:4 at least: 150 rows allow 112.5 columns of 1000 at the widest, 4:3, 200; 0.9 of the area never fits.
  const bytes = crop(gradient(250, 20), 0, 0);
  const width = ((bytes.at(-3)! - bytes[0]!) * 16) / 15;
  expect(Math.abs(width - 27)).toBeLessThan(2);
  expect(Math.abs((bytes.at(-3)! + bytes[0]!) / 2 - 125)).toBeLessThan(2);
});

test('a whole picture with its own aspect ratio is the plain resize', () => {
  const augment = { scale: [1, 1], ratio: [1, 1] } as const;
  expect(crop(gradient(16, 16), 0, 0, augment)).toEqual(gradient(16, 16).data);
});
