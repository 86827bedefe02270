import { setImmediate } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  gelu,
  linear,
  ParameterLayout,
  Parameters,
  record,
  type Tensor,
  type Tensor2D,
  tf,
  unrecorded,
} from '../index.ts';
import { kernels, useKernels } from '../kernels/kernels.ts';
import { presentBackends } from '../testing/backends.ts';
import { noise, tidily, values } from '../testing/numeric.ts';

const numbers = async (tensors: readonly Tensor[]) =>
  (await Promise.all(tensors.map(values))).map((each) => [...each]);

/** Runs the test in a scope that frees its own tensors, and expects that nothing else is left. */
async function withoutLeaks(test: () => Promise<void> | void): Promise<void> {
  const before = tf.memory();
  await tidily(test);
  const after = tf.memory();
  expect([after.numTensors, after.numBytes]).toEqual([before.numTensors, before.numBytes]);
}

describe.each(await presentBackends(['cpu', 'wasm', 'webgpu']))('a recording on $name', ({ start }) => {
  beforeAll(start);

  it('gives the derivative of x^2 y at (3, 2) along 10', () =>
    withoutLeaks(async () => {
      const [x, y] = [tf.scalar(3), tf.scalar(2)];
      using recording = record([x, y], () => [tf.mul(tf.square(x), y)]);
      expect(await numbers(recording.outputs)).toEqual([[18]]);
      expect(await numbers(recording.backward([tf.scalar(10)]))).toEqual([[120], [90]]);
    }));

  it('sums what reaches an input on several ways and from several outputs', () =>
    withoutLeaks(async () => {
      const x = tf.scalar(3);
      using recording = record([x], () => {
        const square = tf.square(x);
        return [tf.mul(square, x), square, square];
      });
      // 27 * 1 + 6 * 10 + 6 * 100
      expect(await numbers(recording.backward([tf.scalar(1), tf.scalar(10), tf.scalar(100)]))).toEqual([
        [687],
      ]);
    }));

  it('gives zeros for an unused input, and hands an input through', () =>
    withoutLeaks(async () => {
      const [x, unused] = [tf.tensor1d([1, 2]), tf.tensor1d([5, 6, 7])];
      const recording = record([x, unused, x], () => [x]);
      expect(await numbers(recording.backward([tf.tensor1d([8, 9])]))).toEqual([
        [8, 9],
        [0, 0, 0],
        [8, 9],
      ]);
      recording.dispose();
      expect(await numbers([x, unused])).toEqual([
        [1, 2],
        [5, 6, 7],
      ]);
    }));

  it('gives the same bits whether one or several are alive, in any order, after other work, twice', () =>
    withoutLeaks(async () => {
      const weight = noise('weight', [8, 8]) as Tensor2D;
      const shards = [0, 1, 2].map((shard) => noise(`shard ${shard}`, [5, 8]));
      const dy = noise('dy', [5, 8]);
      const start = (x: Tensor) => record([x, weight], () => [gelu(linear(x, weight), 'quick_gelu')]);
      const alone: number[][][] = [];
      for (const x of shards) {
        using recording = start(x);
        alone.push(await numbers(recording.backward([dy])));
      }
      const together = shards.map(start);
      await setImmediate();
      const last = await numbers(together[2]!.backward([dy]));
      const first = await numbers(together[0]!.backward([dy]));
      const middle = await numbers(together[1]!.backward([dy]));
      const again = await numbers(together[0]!.backward([dy]));
      for (const recording of together) recording.dispose();
      expect([first, middle, last, again]).toEqual([...alone, alone[0]]);
    }));

  it('drains: the same bits one by one, and no activation left beside the last gradient', () =>
    withoutLeaks(async () => {
      const weights = [0, 1, 2].map((layer) => noise(`weight ${layer}`, [8, 8]) as Tensor2D);
      const x = noise('x', [500, 8]);
      const dy = noise('dy', [500, 8]);
      const inputs = [x, ...weights, weights[0]!];
      const start = () =>
        record(inputs, () => [weights.reduce((y, w) => gelu(linear(y, w), 'gelu'), x as Tensor)]);
      using whole = start();
      const expected = await numbers(whole.backward([dy]));
      const drained: number[][] = [];
      const recording = start();
      const held: number[] = [];
      for (const { input, gradient } of recording.drain([dy])) {
        held.push(tf.memory().numBytes);
        drained[input] = [...(await values(gradient))];
        await setImmediate();
        gradient.dispose();
      }
      expect(drained).toEqual(expected);
      // The last weight's gradient comes first, when the activations of two layers are still there.
      expect(held[0]! - held.at(-1)!).toBeGreaterThan(3 * x.size * 4);
      expect(() => recording.backward([dy])).toThrow('disposed');
    }));

  it('leaves nothing behind when draining ends early', () =>
    withoutLeaks(() => {
      const [x, w] = [noise('x', [3, 4]), noise('w', [4, 4]) as Tensor2D];
      const recording = record([w, x], () => [linear(gelu(linear(x, w), 'gelu'), w)]);
      for (const { gradient } of recording.drain([noise('dy', [3, 4])])) {
        gradient.dispose();
        break;
      }
      expect(() => recording.backward([])).toThrow('disposed');
    }));

  it('computes no gradient for a frozen weight', () =>
    withoutLeaks(async () => {
      const active = kernels();
      let weightGradients = 0;
      useKernels({
        ...active,
        linearWeightGradient: (dy, x) => {
          weightGradients++;
          return active.linearWeightGradient(dy, x);
        },
      });
      const [x, frozen, trained] = [noise('x', [3, 4]), noise('frozen', [4, 4]), noise('trained', [4, 4])];
      using recording = record([trained], () => {
        const hidden = linear(x, frozen as Tensor2D);
        return [linear(linear(hidden, trained as Tensor2D), frozen as Tensor2D)];
      });
      const [gradient] = recording.backward([noise('dy', [3, 4])]);
      useKernels(active);
      expect(gradient!.shape).toEqual([4, 4]);
      expect(weightGradients).toBe(1);
    }));

  it('keeps nothing of an unrecorded part but its result, and lets no gradient into it', () =>
    withoutLeaks(async () => {
      const [x, w] = [noise('x', [3, 4]), noise('w', [4, 4]) as Tensor2D];
      const tower = () => gelu(linear(gelu(linear(x, w), 'gelu'), w), 'gelu');
      const constant = tower();
      const expected = record([w], () => [linear(constant, w)]);
      const before = tf.memory().numTensors;
      const recording = record([w], () => [linear(unrecorded(tower), w)]);
      // The output, and what the last layer keeps: its input, which the tower made, and the weight.
      expect(tf.memory().numTensors - before).toBe(3);
      const dy = noise('dy', [3, 4]);
      expect(await numbers(recording.backward([dy]))).toEqual(await numbers(expected.backward([dy])));
      recording.dispose();
      expected.dispose();
    }));

  it('keeps the weights that it was made with when parameters are uploaded', () =>
    withoutLeaks(async () => {
      const spec = { key: 'w', shape: [1, 1], parts: [{ name: 'w', shape: [1, 1] }], decay: true };
      using parameters = new Parameters(new ParameterLayout([spec]), Float32Array.of(3));
      const x = tf.tensor2d([[5]]);
      using recording = record([x], () => [linear(x, parameters.tensor('w') as Tensor2D)]);
      parameters.flat[0] = 4;
      parameters.upload();
      expect(await numbers(recording.backward([tf.tensor2d([[1]])]))).toEqual([[3]]);
      expect(await numbers(parameters.tensors())).toEqual([[4]]);
    }));

  it('leaves nothing behind when the forward pass throws, and refuses to nest', () =>
    withoutLeaks(async () => {
      const x = tf.scalar(3);
      const failing = () =>
        record([x], () => {
          gelu(x, 'gelu');
          throw new Error('no such luck');
        });
      expect(failing).toThrow('no such luck');
      expect(() => record([x], () => [record([x], () => [x]).outputs[0]!])).toThrow('do not nest');
      using recording = record([x], () => [tf.square(x)]);
      expect(await numbers(recording.backward([tf.scalar(1)]))).toEqual([[6]]);
      expect(() => recording.backward([])).toThrow('one gradient for each output');
      recording.dispose();
      expect(() => recording.backward([tf.scalar(1)])).toThrow('disposed');
    }));
});
