import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkpoint,
  embed,
  frozenMatrix,
  frozenVector,
  halfToFloat,
  linear,
  random,
  record,
  type StoredNumbers,
  selectBackend,
  type Tensor,
  type Tensor2D,
  tf,
  toBfloat16,
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

/** The same numbers in 16 bits, in the way that a file may have them: in the middle of other bytes, or shared. */
const stored = {
  F32: (floats: Float32Array): StoredNumbers => ({ dtype: 'F32', data: floats }),
  BF16: (floats: Float32Array): StoredNumbers => ({ dtype: 'BF16', data: toBfloat16(floats) }),
  F16: (floats: Float32Array): StoredNumbers => ({ dtype: 'F16', data: halves(floats) }),
  'F32 in shared memory': (floats: Float32Array): StoredNumbers => {
    const data = new Float32Array(new SharedArrayBuffer(floats.byteLength));
    data.set(floats);
    return { dtype: 'F32', data };
  },
  'BF16 in the middle of a shared file': (floats: Float32Array): StoredNumbers => {
    const file = new SharedArrayBuffer(2 * floats.length + 26);
    const data = new Uint16Array(file, 10, floats.length);
    data.set(toBfloat16(floats));
    return { dtype: 'BF16', data };
  },
} as const;

/** Any halves will do, as long as each is finite: the exponent is cut off at 30. Subnormal ones are among them. */
const halves = (floats: Float32Array) =>
  Uint16Array.from(floats, (x, i) => {
    const bits = Math.floor(Math.abs(x) * 0x4000 + i) & 0xffff;
    return (bits & 0x7c00) === 0x7c00 ? bits & 0xbfff : bits & 0xb7ff;
  });

/** By the definition, one by one: what the fast conversions are compared with. */
const floatsOf = ({ dtype, data }: StoredNumbers): Float32Array => {
  if (dtype === 'F32') return data.slice();
  if (dtype === 'F16') return Float32Array.from(data, halfToFloat);
  return new Float32Array(Uint32Array.from(data, (bits) => bits << 16).buffer);
};

/** -1 where all bits are equal. Vitest compares and prints a million numbers slowly. */
const firstDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length ? Array.prototype.findIndex.call(a, (value, i) => !Object.is(value, b[i])) : a.length;

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

  // Blocks of larger ones are tested with the products (kernels/wasm/frozen-gemm.test.ts).
  const shapes = [
    { rows: [1, 3], outputs: 70, inputs: 33 },
    { rows: [2, 20], outputs: 129, inputs: 96 },
  ];

  it.each(
    Object.entries(stored).flatMap(([type, make]) => shapes.map((shape) => ({ type, make, ...shape }))),
  )('kept as $type gives the bits of the converted one: [$outputs,$inputs]', async (given) => {
    const { make, rows, outputs, inputs } = given;
    const before = tf.memory();
    await tidily(async () => {
      const kept = make(numbers(outputs, inputs));
      const frozen = frozenMatrix(kept, [outputs, inputs]);
      const ordinary = tf.tensor2d(floatsOf(kept), [outputs, inputs]);
      for (const count of rows) {
        const x = noise('x', [count, inputs]);
        const bias = noise('bias', [outputs]) as tf.Tensor1D;
        const forward = async (weight: Tensor2D) => {
          using recording = record([x], () => [
            linear(x, weight, bias),
            checkpoint({ x, weight }, (at) => linear(at.x, at.weight as Tensor2D)),
          ]);
          const dys = recording.outputs.map(({ shape }) => noise('dy', shape));
          return await Promise.all([...recording.outputs, ...recording.backward(dys)].map(values));
        };
        const [actual, expected] = [await forward(frozen), await forward(ordinary)];
        for (const [i, tensor] of expected.entries())
          expect(firstDifference(tensor, actual[i]!), `${count} rows, result ${i}`).toBe(-1);
      }
      expect(firstDifference(await values(frozen), floatsOf(kept))).toBe(-1);
      const ids = tf.tensor1d([3, 0, outputs - 1, 3], 'int32');
      expect(await bits([embed(frozen, ids)])).toEqual(await bits([embed(ordinary, ids)]));
    });
    expect([tf.memory().numTensors, tf.memory().numDataBuffers]).toEqual([
      before.numTensors,
      before.numDataBuffers,
    ]);
  });

  it('has vectors of every type beside it', async () => {
    await tidily(async () => {
      for (const make of Object.values(stored)) {
        const kept = make(numbers(1, 13));
        expect(await values(frozenVector(kept))).toEqual(floatsOf(kept));
      }
    });
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

  it('keeps 16 bits a number, and needs 64 MiB of the heap for a product of any size', () => {
    const bits = new Uint16Array(new SharedArrayBuffer(2 * 64_000 * 1024)).fill(0x3f80);
    const x = tf.ones<tf.Rank.R2>([8, 1024]);
    const before = wasmHeapBytes();
    const matrix = frozenMatrix({ dtype: 'BF16', data: bits }, [64_000, 1024]);
    const y = linear(x, matrix);
    expect([...new Set(y.dataSync())]).toEqual([1024]);
    // The block and the result; a heap that must grow takes more than it was asked for. The matrix has 250 MiB as float32.
    expect(wasmHeapBytes()! - before!).toBeLessThan(160 * 2 ** 20);
    tf.dispose([x, matrix, y]);
  });
});
