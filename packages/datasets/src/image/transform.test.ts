import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readTensors } from '../testing/read-tensors.ts';
import { decodeImage, type RgbImage } from './decode.ts';
import { normalise } from './normalise.ts';
import { parseImageProcessor } from './processor/image-processor.ts';
import { clipTransform, type ImageTransform, resizeAndCrop } from './transform.ts';

const fixtures = new URL('../../fixtures/image-preprocess/', import.meta.url);
const inputs = readTensors(new URL('inputs.safetensors', fixtures));
const expected = readTensors(new URL('expected.safetensors', fixtures));
const files = [...inputs.keys()].map((name) => name.slice('rgb.'.length)).sort();
const big = ['1-landscape.png', '2-portrait.jpg', '8-larger.png'];

const rgb = (file: string): RgbImage => {
  const { shape, data } = inputs.get(`rgb.${file}`)!;
  return { height: shape[0]!, width: shape[1]!, data: data as Uint8Array };
};
const fromFile = (file: string) => decodeImage(readFileSync(new URL(`images/${file}`, fixtures)));

/** Row `n` of a [N,3,S,S] byte tensor as [S,S,3]. */
function picture(name: string, n: number): Uint8Array {
  const { shape, data } = expected.get(name)!;
  const plane = shape[2]! * shape[3]!;
  return Uint8Array.from(
    { length: plane * 3 },
    (_, i) => data[(n * 3 + (i % 3)) * plane + Math.floor(i / 3)]!,
  );
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i += 1) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};

function withRounding(size: number, rounding: 'floor' | 'half-even'): ImageTransform {
  const transform = clipTransform(size);
  return { ...transform, crop: { ...transform.crop!, rounding } };
}

describe('from decoded bytes, every byte equals the reference', () => {
  const openClip = (size: number): ImageTransform => withRounding(size, 'half-even');

  test.each(files)('Hugging Face at 64: %s', (file) => {
    expect(
      largest(resizeAndCrop(rgb(file), clipTransform(64)), picture('clip_64_bytes', files.indexOf(file))),
    ).toBe(0);
  });

  test.each(big)('Hugging Face and open_clip at 224: %s', (file) => {
    const n = big.indexOf(file);
    expect(largest(resizeAndCrop(rgb(file), clipTransform(224)), picture('clip_224_bytes', n))).toBe(0);
    expect(largest(resizeAndCrop(rgb(file), openClip(224)), picture('open_clip_224_bytes', n))).toBe(0);
  });

  // open_clip resizes palette pictures and alpha before it converts them; we follow Hugging Face there (see case.json).
  test.each(files.filter((file) => !/alpha|palette/.test(file)))('open_clip at 64: %s', (file) => {
    expect(
      largest(resizeAndCrop(rgb(file), openClip(64)), picture('open_clip_64_bytes', files.indexOf(file))),
    ).toBe(0);
  });
});

test.each(files)('LLaVA: padded to a square with the mean colour, at 64: %s', (file) => {
  const transform = parseImageProcessor({
    'preprocessor_config.json': '{"image_processor_type":"CLIPImageProcessor","size":64,"crop_size":64}',
    'config.json': '{"image_aspect_ratio":"pad"}',
  })!;
  const expectedBytes = picture('pad_square_64_bytes', files.indexOf(file));
  expect(largest(resizeAndCrop(rgb(file), transform), expectedBytes)).toBe(0);
});

test.each(files)('the file decodes to the bytes that Pillow decodes: %s', async (file) => {
  const ours = await fromFile(file);
  const theirs = rgb(file);
  expect([ours.width, ours.height]).toEqual([theirs.width, theirs.height]);
  // Exact for PNG; JPEG decoders may differ by rounding.
  expect(largest(ours.data, theirs.data)).toBeLessThanOrEqual(file.endsWith('.jpg') ? 2 : 0);
});

test('normalised values equal the reference floats', () => {
  const { data } = expected.get('clip_32')!;
  const size = 3 * 32 * 32;
  const out = new Float32Array(files.length * size);
  for (const [n, file] of files.entries()) {
    const transform = clipTransform(32);
    normalise(resizeAndCrop(rgb(file), transform), transform, out, n * size);
  }
  expect(largest(out, data)).toBeLessThanOrEqual(1e-6);
});

test('crop offsets of a gap of 3: floor gives 1, half-even gives 2', () => {
  // Columns 0..6 with the column's number as colour, no resize needed: the crop shows its offset.
  const image = {
    width: 7,
    height: 4,
    data: Uint8Array.from({ length: 84 }, (_, i) => Math.floor(i / 3) % 7),
  };
  const firstColumn = (rounding: 'floor' | 'half-even') => resizeAndCrop(image, withRounding(4, rounding))[0];
  expect([firstColumn('floor'), firstColumn('half-even')]).toEqual([1, 2]);
});

test('what is no complete image is refused with the reason', async () => {
  const file = readFileSync(new URL('images/1-landscape.png', fixtures));
  await expect(decodeImage(file.subarray(0, file.length / 2))).rejects.toMatchObject({
    code: 'DATASET_INVALID',
  });
  await expect(decodeImage(Buffer.from('<html>404</html>'))).rejects.toThrow(
    'Not an image: expected JPEG, PNG, WebP, GIF, TIFF, BMP, got an HTML page',
  );
});
