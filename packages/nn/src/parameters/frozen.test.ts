import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkpoint,
  embed,
  frozenMatrix,
  linear,
  random,
  record,
  selectBackend,
  type Tensor,
  type Tensor2D,
  tf,
  wasmHeapBytes,
} from '../index.ts';
import { useKernels } from '../kernels/kernels.ts';
import { portable } from '../kernels/portable/portable.ts';
import { presentBackends } from '../testing/backends.ts';
import { noise, tidily, values } from '../testing/numeric.ts';

const numbers = (rows: number, columns: number) => {
  const stream = random(3, `${rows} x ${columns}`);
  return Float32Array.from({ length: rows * columns }, () => stream.normal());
};

const bits = async (tensors: readonly Tensor[]) =>
  (await Promise.all(tensors.map(values))).map((numbersOf) => [...numbersOf]);

describe.each(await presentBackends())('a frozen matrix on $name', ({ start }) => {
  beforeAll(start);
  afterAll(() => useKernels(portable));

  it('gives the bits of an ordinary one: result and input gradient, checkpointed too', async () => {
    const before = tf.memory().numTensors;
    await tidily(async () => {
      const x = noise('x', [2, 5, 33]);
      const forward = async (weight: Tensor2D) => {
        using recording = record([x], () => [
          linear(x, weight),
          checkpoint({ x, weight }, (given) => tf.square(linear(given.x, given.weight as Tensor2D))),
        ]);
        const dys = recording.outputs.map(({ shape }) => noise('dy', shape));
        return await bits([...recording.outputs, ...recording.backward(dys)]);
      };
      const frozen = frozenMatrix(numbers(70, 33), [70, 33]);
      expect(await forward(frozen)).toEqual(await forward(tf.tensor2d(numbers(70, 33), [70, 33])));
      expect(await values(frozen)).toEqual(numbers(70, 33));
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is a table to look up in', async () => {
    await tidily(async () => {
      const ids = tf.tensor2d([3, 0, 3, 10], [2, 2], 'int32');
      const rows = (table: Tensor2D) => bits([embed(table, ids)]);
      const ordinary = tf.tensor2d(numbers(11, 6), [11, 6]);
      expect(await rows(frozenMatrix(numbers(11, 6), [11, 6]))).toEqual(await rows(ordinary));
    });
  });
});

describe('on wasm', () => {
  beforeAll(() => selectBackend({ backend: 'wasm' }));

  it('takes no room on the heap, is counted until its last clone is gone, and refuses other operations', () => {
    const before = { heap: wasmHeapBytes(), ...tf.memory() };
    const matrix = frozenMatrix(new Float32Array(64 * 2 ** 20), [8192, 8192]);
    const clone = matrix.clone();
    expect(wasmHeapBytes()).toBe(before.heap);
    matrix.dispose();
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers + 1);
    expect(() => tf.relu(clone)).toThrow('outside the wasm heap: only linear, embed and tf.matMul take it');
    clone.dispose();
    const { numTensors, numDataBuffers } = tf.memory();
    expect([numTensors, numDataBuffers]).toEqual([before.numTensors, before.numDataBuffers]);
    expect(() => frozenMatrix(new Float32Array(5), [2, 3])).toThrow('5 numbers for shape [2,3]');
  });
});
