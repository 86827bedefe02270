import { beforeAll, describe, expect, it } from 'vitest';
import { random, selectBackend } from '../../index.ts';
import { tf } from '../../tensorflow.ts';
import { fewRowsGemm } from './few-rows-gemm.ts';
import type { Gemm, MatrixProduct } from './gemm.ts';
import { WasmHeap } from './heap.ts';

const normal = (purpose: string, shape: [number, number]) => {
  const stream = random(5, purpose);
  return tf.tensor2d(
    Float32Array.from({ length: shape[0] * shape[1] }, () => stream.normal()),
    shape,
  );
};

describe('products of a few rows', () => {
  let heap: WasmHeap;
  beforeAll(async () => {
    await selectBackend({ backend: 'wasm' });
    heap = await WasmHeap.open();
  });
  const gemm = (left: MatrixProduct[]): Gemm => {
    const leave = (product: MatrixProduct) => void left.push(product);
    return fewRowsGemm(heap, { name: 'other', threads: 1, multiply: leave, multiplyBatch: () => {} });
  };

  it.each([
    [1, 1, 1],
    [1, 7, 5],
    [2, 4, 3],
    [3, 9, 129],
    [4, 33, 64],
  ])('%i x %i, sums of %i: as sums in double precision', (m, n, k) => {
    tf.tidy(() => {
      const [a, b] = [normal('a', [m, k]), normal('b', [n, k])];
      const bias = tf.tensor1d(Float32Array.from({ length: n }, (_, j) => j));
      const c = tf.zeros<tf.Rank.R2>([m, n]);
      const left: MatrixProduct[] = [];
      gemm(left).multiply({ m, n, k, a, transposeA: false, b, transposeB: true, c, bias });
      expect(left).toEqual([]);
      const [x, w] = [a.arraySync(), b.arraySync()];
      const expected = x.map((row) =>
        w.map((column, j) => column.reduce((sum, value, i) => sum + value * row[i]!, j)),
      );
      const scale = Math.sqrt(k);
      // Float32 sums of k terms.
      for (const [i, row] of c.arraySync().entries())
        for (const [j, value] of row.entries())
          expect(Math.abs(value - expected[i]![j]!)).toBeLessThan(1e-5 * (scale + j));
    });
  });

  it('are left to the provider where the matrix is large or transposed, or the rows are many', () => {
    tf.tidy(() => {
      const tensor = (rows: number, columns: number) => tf.zeros<tf.Rank.R2>([rows, columns]);
      const left: MatrixProduct[] = [];
      const multiply = (m: number, n: number, k: number, transposeB = true) =>
        gemm(left).multiply({
          ...{ m, n, k, transposeA: false, transposeB, a: tensor(m, k), c: tensor(m, n) },
          b: transposeB ? tensor(n, k) : tensor(k, n),
        });
      multiply(5, 2, 2);
      multiply(1, 1024, 512);
      multiply(1, 2, 2, false);
      expect(left.length).toBe(3);
      multiply(4, 2, 2);
      multiply(1, 512, 512);
      expect(left.length).toBe(3);
    });
  });
});
