import { expect, test } from 'vitest';
import type { Example } from '../model.ts';
import { FrozenFeatures } from './frozen-features.ts';

const width = 2;

function counted(maxBytes?: number) {
  const computed: number[] = [];
  const features = new FrozenFeatures({
    width,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    compute: async ([value = 0]) => {
      computed.push(value);
      if (value === 13) throw new Error('unlucky');
      return Float32Array.of(value, -value);
    },
  });
  return { features, computed };
}

const example = (value: number, name = `picture ${value}`) =>
  ({ pixels: async () => Uint8Array.of(value), pictureKey: () => name }) as Partial<Example> as Example;

test('a picture is computed once, whichever samples show it', async () => {
  const { features, computed } = counted();
  const batch = [example(1), example(2), example(1)];
  expect([...(await features.of(batch))]).toEqual([1, -1, 2, -2, 1, -1]);
  await features.of(batch.toReversed());
  expect(computed).toEqual([1, 2]);
});

test('beyond its limit nothing is kept, and the numbers are the same', async () => {
  const { features, computed } = counted(4 * width);
  for (let pass = 0; pass < 2; pass++)
    expect([...(await features.of([example(1), example(2)]))]).toEqual([1, -1, 2, -2]);
  expect(computed).toEqual([1, 2, 2]);
});

test('a failure is reported and not kept', async () => {
  const { features, computed } = counted();
  await expect(features.of([example(13)])).rejects.toThrow('unlucky');
  await expect(features.of([example(13)])).rejects.toThrow('unlucky');
  expect(computed).toEqual([13, 13]);
});
