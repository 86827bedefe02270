/** Attention through a cache against attention over the whole sequence, on every backend present. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attention, KeyValueCache, keyValueCacheBytes, sequenceMask, type Tensor3D, tf } from '../index.ts';
import { useKernels } from '../kernels/kernels.ts';
import { portable } from '../kernels/portable/portable.ts';
import { presentBackends } from '../testing/backends.ts';
import { noise, relativeError, tidily, values } from '../testing/numeric.ts';

const [batch, length, heads, keyValueHeads, headDim] = [3, 11, 4, 2, 5];
const shape = { layers: 2, heads, keyValueHeads };
const width = (heads + 2 * keyValueHeads) * headDim;
/** For each layer, of all positions. */
const projections = () => [0, 1].map((layer) => noise(`layer ${layer}`, [batch, length, width]) as Tensor3D);
const slice = (x: Tensor3D, from: number, to: number) => tf.slice(x, [0, from, 0], [-1, to - from, -1]);

/** The outputs of the last pass, after passes that end at the given positions. */
async function cached(
  cache: KeyValueCache,
  layers: readonly Tensor3D[],
  ends: readonly number[],
): Promise<Float32Array[]> {
  let outputs: Float32Array[] = [];
  for (const [i, end] of ends.entries())
    outputs = await attended(cache, layers.length, (layer) => slice(layers[layer]!, ends[i - 1] ?? 0, end));
  return outputs;
}

/** The output of each layer. */
async function attended(
  cache: KeyValueCache,
  layers: number,
  qkvOf: (layer: number) => Tensor3D,
): Promise<Float32Array[]> {
  const outputs: Float32Array[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const output = tf.tidy(() => cache.attend(qkvOf(layer), layer));
    outputs.push(await values(output));
    output.dispose();
  }
  return outputs;
}

async function whole(
  layers: readonly Tensor3D[],
  starts: readonly number[] | undefined,
  from: number,
): Promise<Float32Array[]> {
  const mask = sequenceMask({ batch, queries: length, causal: true, ...(starts && { starts }) });
  return await Promise.all(
    layers.map((qkv) => values(slice(attention(qkv, { heads, keyValueHeads, mask }), from, length))),
  );
}

describe.each(await presentBackends())('on $name', ({ start }) => {
  beforeAll(start);
  afterAll(() => useKernels(portable));

  it.each([
    { what: 'one by one', ends: [4, 5, 6, 7, 8, 9, 10, 11], starts: undefined, reserve: length },
    { what: 'with a reserve that is too small', ends: [4, 8, 9, 10, 11], starts: undefined, reserve: 5 },
    { what: 'with one that is too large', ends: [1, 10, 11], starts: undefined, reserve: 40 },
    { what: 'several at once', ends: [4, 11], starts: undefined, reserve: length },
    { what: 'after left padding', ends: [6, 9, 10, 11], starts: [0, 5, 2], reserve: length },
  ])('gives what attention over everything gives: $what', async ({ ends, starts, reserve }) => {
    await tidily(async () => {
      const layers = projections();
      const before = tf.memory().numTensors;
      const padding = starts && { starts: Int32Array.from(starts) };
      const cache = new KeyValueCache({ ...shape, reserve, ...padding });
      const actual = await cached(cache, layers, ends);
      expect(cache.length).toBe(length);
      cache.dispose();
      expect(tf.memory().numTensors - before).toBe(0);
      // Float32 sums in another order.
      for (const [layer, expected] of (await whole(layers, starts, ends.at(-2)!)).entries())
        expect(relativeError(actual[layer]!, expected)).toBeLessThan(2e-6);
    });
  });

  it('goes on with the selected sequences', async () => {
    await tidily(async () => {
      const layers = projections();
      const chosen = Int32Array.of(2, 0, 2, 2);
      const pick = (x: Tensor3D) => tf.gather(x, tf.tensor1d(chosen, 'int32'));
      using cache = new KeyValueCache({ ...shape, reserve: length, starts: Int32Array.of(0, 5, 2) });
      await cached(cache, layers, [7]);
      cache.select(chosen);
      expect(cache.starts).toEqual(Int32Array.of(2, 0, 2, 2));
      const last = await attended(cache, 2, (layer) => pick(slice(layers[layer]!, 7, 8)));
      const size = heads * headDim;
      for (const [layer, all] of (await whole(layers, [0, 5, 2], 7)).entries())
        for (const [row, sequence] of chosen.entries()) {
          const expected = all.subarray(sequence * 4 * size, sequence * 4 * size + size);
          expect(relativeError(last[layer]!.subarray(row * size, (row + 1) * size), expected)).toBeLessThan(
            2e-6,
          );
        }
    });
  });

  it('knows its memory, and gives it back', async () => {
    const layers = projections();
    const before = tf.memory().numTensors;
    const cache = new KeyValueCache({ ...shape, reserve: length });
    await cached(cache, layers, [4, length]);
    expect(cache.bytes).toBe(keyValueCacheBytes({ layers: 2, batch, length, keyValueHeads, headDim }));
    cache.dispose();
    expect(cache.bytes).toBe(0);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(layers);
  });
});
