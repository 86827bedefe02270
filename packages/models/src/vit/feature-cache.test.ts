import { expect, test } from 'vitest';
import { FeatureCache, type Picture } from './feature-cache.ts';

/** A tower of two numbers, counting what it is asked. */
function tower() {
  const seen: (number | undefined)[] = [];
  const compute = async (pixels: Uint8Array | undefined) => {
    seen.push(pixels?.[0]);
    if (pixels?.[0] === 13) throw new Error('unlucky');
    return Float32Array.of(pixels?.[0] ?? 0, seen.length);
  };
  return { seen, compute };
}

const picture = (value: number): Picture => ({
  key: `picture ${value}`,
  pixels: async () => Uint8Array.of(value),
});

test('a picture is computed once, whoever asks and however often', async () => {
  const { seen, compute } = tower();
  const cache = new FeatureCache({ length: 2, compute });
  const [first, second] = await Promise.all([
    cache.features([picture(7), undefined, picture(7)]),
    cache.features([picture(8), picture(7), undefined]),
  ]);
  expect(seen.toSorted()).toEqual([7, 8, undefined]);
  expect(first.subarray(0, 2)).toEqual(first.subarray(4, 6));
  expect(second.subarray(2, 4)).toEqual(first.subarray(0, 2));
  expect(await cache.features([])).toHaveLength(0);
});

test('what does not fit is computed again, what was seen first stays', async () => {
  const { seen, compute } = tower();
  const cache = new FeatureCache({ length: 2, maxBytes: 16, compute });
  for (let epoch = 0; epoch < 2; epoch++) await cache.features([7, 8, 9].map(picture));
  expect(seen).toEqual([7, 8, 9, 9]);
});

test('a picture without a key will not be seen again, and is no picture of zeros', async () => {
  const { seen, compute } = tower();
  const cache = new FeatureCache({ length: 2, compute });
  const crop: Picture = { ...picture(7), key: undefined };
  for (let step = 0; step < 2; step++) await cache.features([crop, undefined]);
  expect(seen).toEqual([7, undefined, 7]);
});

test('an error is not kept', async () => {
  const { seen, compute } = tower();
  const cache = new FeatureCache({ length: 2, compute });
  for (let i = 0; i < 2; i++) await expect(cache.features([picture(13)])).rejects.toThrow('unlucky');
  expect(seen).toEqual([13, 13]);
});
