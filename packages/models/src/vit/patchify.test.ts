import { expect, test } from 'vitest';
import { patchify } from './patchify.ts';

test('a 4 x 4 image in 2 x 2 patches, channel before row before column', () => {
  // The pixel's value says where it is: hundreds channel, tens row, ones column.
  const pixels = Float32Array.from({ length: 48 }, (_, i) => {
    const [channel, row, column] = [Math.floor(i / 16), Math.floor(i / 4) % 4, i % 4];
    return 100 * channel + 10 * row + column;
  });
  const patches = patchify(pixels, { images: 1, size: 4, patch: 2 });
  expect([...patches.subarray(12, 24)]).toEqual([2, 3, 12, 13, 102, 103, 112, 113, 202, 203, 212, 213]);
  expect(patches[24]).toBe(20);
});

test('pixels of another size are a bug of the caller', () => {
  expect(() => patchify(new Float32Array(5), { images: 1, size: 4, patch: 2 })).toThrow(/\[1, 3, 4, 4\]/);
});
