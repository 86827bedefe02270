/** The contract of every differentiable operation, on every backend present. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  crossAttention,
  dropout,
  IGNORED_LABEL,
  mediaMask,
  random,
  record,
  selectBackend,
  sequenceMask,
  softmaxCrossEntropy,
  type Tensor3D,
  tf,
} from './index.ts';
import { useKernels } from './kernels/kernels.ts';
import { portable } from './kernels/portable/portable.ts';
import { presentBackends } from './testing/backends.ts';
import { noise, relativeError, slopeAlong, tidily, values } from './testing/numeric.ts';
import { type OpCase, opCases } from './testing/op-cases.ts';

const inputsOf = ({ shapes, name }: OpCase) => shapes.map((shape, i) => noise(`${name} ${i}`, shape));

/** Result and gradients as plain arrays; leaves no tensor behind. */
async function evaluate(testCase: OpCase): Promise<Float32Array[]> {
  return await tidily(async () => {
    const inputs = inputsOf(testCase);
    using recording = record(inputs, () => [testCase.run(inputs)]);
    const [output] = recording.outputs;
    return await Promise.all([output!, ...recording.backward([noise('dy', output!.shape)])].map(values));
  });
}

const oracle = new Map<string, Float32Array[]>();

beforeAll(async () => {
  await selectBackend({ backend: 'cpu' });
  useKernels(portable);
  for (const testCase of opCases) oracle.set(testCase.name, await evaluate(testCase));
});

describe.each(await presentBackends())('on $name', ({ start, tolerance = 5e-6 }) => {
  beforeAll(start);
  afterAll(() => useKernels(portable));

  describe.each(opCases)('$name', (testCase) => {
    it('equals the oracle, with the same bits twice and no tensor left', async () => {
      const before = tf.memory();
      const first = await evaluate(testCase);
      const second = await evaluate(testCase);
      const after = tf.memory();
      expect(second).toStrictEqual(first);
      expect([after.numTensors, after.numBytes]).toEqual([before.numTensors, before.numBytes]);
      const expected = oracle.get(testCase.name)!;
      first.forEach((actual, i) => {
        expect(relativeError(actual, expected[i]!), `result ${i}`).toBeLessThan(tolerance);
      });
    });

    it('hands NaN on, so that a diverging run is noticed', async () => {
      await tidily(async () => {
        const [first, ...others] = inputsOf(testCase);
        const output = testCase.run([tf.fill(first!.shape, Number.NaN), ...others]);
        expect((await values(output)).some(Number.isNaN)).toBe(true);
      });
    });

    // A step of 2e-3 is lost in the rounding of coarse products: such a backend has the oracle alone.
    const fine = tolerance < 1e-3 ? [testCase] : [];
    it.each(fine)('has the gradients that finite differences give', async () => {
      await tidily(async () => {
        const inputs = inputsOf(testCase);
        using recording = record(inputs, () => [testCase.run(inputs)]);
        const dy = noise('dy', recording.outputs[0]!.shape);
        const gradients = recording.backward([dy]);
        for (const [which, input] of inputs.entries()) {
          const direction = noise('direction', input.shape);
          const expected = await slopeAlong(testCase.run, inputs, { which, direction, dy });
          const actual = (await values(tf.sum(tf.mul(gradients[which]!, direction))))[0]!;
          const scale = (await values(tf.norm(gradients[which]!)))[0]! + 0.1;
          expect(Math.abs(actual - expected) / scale, `input ${which}`).toBeLessThan(1e-2);
        }
      });
    });
  });
});

it('counts and sums only the labels that are not ignored', async () => {
  await selectBackend({ backend: 'cpu' });
  await tidily(async () => {
    const logits = tf.tensor2d([
      [Math.log(3), 0],
      [5, 5],
      [0, 0],
    ]);
    const { sum, count } = softmaxCrossEntropy(logits, Int32Array.of(0, IGNORED_LABEL, 1));
    // Probabilities 3/4 and 1/2.
    expect((await values(sum))[0]).toBeCloseTo(Math.log(4 / 3) + Math.log(2), 6);
    expect(count).toBe(2);
  });
});

it('drops the given share and keeps the mean', async () => {
  await selectBackend({ backend: 'cpu' });
  await tidily(async () => {
    const dropped = await values(dropout(tf.ones([100_000]), 0.25, random(1, 'share')));
    const zeros = dropped.filter((x) => x === 0).length;
    expect(Math.abs(zeros / 100_000 - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 100_000));
    expect(new Set(dropped)).toEqual(new Set([0, Math.fround(4 / 3)]));
  });
});

it('drops neighbours, and the same place under another stream, as if each were tossed alone', async () => {
  await selectBackend({ backend: 'cpu' });
  await tidily(async () => {
    const count = 200_000;
    const masks: Float32Array[] = [];
    for (const purpose of [1, 2, 3, 4])
      masks.push(await values(dropout(tf.ones([count]), 0.5, random(7, purpose))));
    const agree = (a: Float32Array, b: Float32Array) => a.filter((x, i) => x === b[i]).length / count;
    const pairs = [1, 2, 3, 64, 128, 4096].map((step) => agree(masks[0]!, rotated(masks[0]!, step)));
    for (const other of masks.slice(1)) pairs.push(agree(masks[0]!, other));
    // Binomial(count, 1/2): five standard deviations.
    for (const share of pairs) expect(Math.abs(share - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / count));
  });
});

const rotated = (x: Float32Array, by: number) => x.map((_, i) => x[(i + by) % x.length]!);

it('gives zeros, and no gradient, to a token that has seen no image', async () => {
  await selectBackend({ backend: 'wasm' });
  await tidily(async () => {
    const [q, kv] = [noise('q', [1, 2, 4]) as Tensor3D, noise('kv', [1, 3, 8]) as Tensor3D];
    const mask = mediaMask({
      batch: 1,
      imageCounts: Int32Array.of(0, 1),
      images: 1,
      latents: 3,
      attend: 'latest',
    });
    using recording = record([q], () => [crossAttention(q, kv, { heads: 1, mask })]);
    expect([...(await values(recording.outputs[0]!))].slice(0, 4)).toEqual([0, 0, 0, 0]);
    const [dQ] = recording.backward([noise('dy', [1, 2, 4])]);
    expect([...(await values(dQ!))].slice(0, 4)).toEqual([0, 0, 0, 0]);
  });
});

it('knows what padding, a prefix and a past leave to see', () => {
  const rows = (options: Parameters<typeof sequenceMask>[0]) => {
    const { bounds } = sequenceMask(options);
    return Array.from({ length: bounds.length / 2 }, (_, i) => [bounds[2 * i], bounds[2 * i + 1]].join('-'));
  };
  expect(rows({ batch: 1, queries: 3, causal: true })).toEqual(['0-1', '0-2', '0-3']);
  expect(rows({ batch: 1, queries: 3, causal: true, prefixes: [2] })).toEqual(['0-2', '0-2', '0-3']);
  expect(rows({ batch: 1, queries: 3, causal: false, ends: [2] })).toEqual(['0-2', '0-2', '0-0']);
  expect(rows({ batch: 1, queries: 2, past: 2, causal: true, starts: [1] })).toEqual(['1-3', '1-4']);
  expect(() =>
    mediaMask({ batch: 1, imageCounts: Int32Array.of(2), images: 1, latents: 3, attend: 'latest' }),
  ).toThrow('a text shows 2 images, 1 were given');
});
