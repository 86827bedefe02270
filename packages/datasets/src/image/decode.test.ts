import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeImage } from './decode.ts';

const fixtures = new URL('../../fixtures/image-formats/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, fixtures));
const { files } = JSON.parse(read('expected.json').toString()) as { files: Record<string, Expected> };

interface Expected {
  readonly mode: string;
  readonly width: number;
  readonly height: number;
  readonly mean: readonly number[];
  readonly sha256: string;
  readonly error?: string;
}

const decodable = Object.entries(files).filter(([, { error, mode }]) => !error && mode !== 'I;16');

describe('every kind of file decodes as Pillow decodes it', () => {
  test.each(decodable)('%s', async (name, { width, height, mean, sha256 }) => {
    const image = await decodeImage(read(name));
    expect([image.width, image.height]).toEqual([width, height]);
    // Two JPEG decoders may round differently by a level; everything else has one right answer.
    for (const [channel, level] of means(image.data).entries())
      expect(Math.abs(level - mean[channel]!)).toBeLessThan(1);
    if (!/\.jpg$/.test(name)) expect(createHash('sha256').update(image.data).digest('hex')).toBe(sha256);
  });
});

test('16-bit grey keeps its high byte, where Pillow clips to white', async () => {
  const { data } = await decodeImage(read('grey16.png'));
  expect(means(data)[0]).toBeCloseTo(127.5, 0);
  expect(files['grey16.png']!.mean[0]).toBeGreaterThan(249);
});

describe('what ends early is called truncated', () => {
  test.each([
    'truncated.jpg',
    'trailing-bytes.jpg',
    'rgb.png',
    'animated.webp',
    'p13.gif',
    '565.bmp',
    'cmyk-lzw.tif',
  ])('half of %s', async (name) => {
    const file = read(name);
    const refused = decodeImage(file.subarray(0, file.length / 2));
    await expect(refused).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    await expect(refused).rejects.toThrow('truncated');
  });
});

describe('what is no promised format is refused by content, whatever its name', () => {
  test.each([
    ['an SVG drawing', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ['an SVG drawing', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ['an HTML page', '<!DOCTYPE html><html></html>'],
    ['a PDF document', '%PDF-1.7'],
    ['an AVIF image', '\0\0\0\x1cftypavif\0\0\0\0'],
    ['an empty file', ''],
    ['something else', 'P6 1 1 255 abc'],
  ])('%s', async (kind, content) => {
    await expect(decodeImage(Buffer.from(content, 'latin1'))).rejects.toThrow(
      `expected JPEG, PNG, WebP, GIF, TIFF, BMP, got ${kind}`,
    );
  });
});

test('a header that claims too many pixels is refused before anything is allocated', async () => {
  const bomb = Buffer.from(read('565.bmp'));
  bomb.writeInt32LE(100_000, 18);
  bomb.writeInt32LE(100_000, 22);
  await expect(decodeImage(bomb)).rejects.toThrow('at most 25000000 pixels, got 100000 x 100000');
  const gif = Buffer.from(read('p13.gif'));
  gif.writeUInt16LE(65_535, 6);
  gif.writeUInt16LE(65_535, 8);
  await expect(decodeImage(gif)).rejects.toThrow('at most 25000000 pixels, got 65535 x 65535');
});

function means(data: Uint8Array): number[] {
  const sums = [0, 0, 0];
  for (const [i, level] of data.entries()) sums[i % 3]! += level;
  return sums.map((sum) => (sum * 3) / data.length);
}
