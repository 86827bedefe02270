import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend, type Tensor, tf } from '../../index.ts';
import { noise, relativeError, tidily, values } from '../../testing/numeric.ts';
import { WasmHeap } from './heap.ts';
import { openOnnxruntime } from './onnxruntime/open.ts';
import { startWasm } from './start-wasm.ts';

it('runs the kernels of assembly/: the generated file is up to date', async () => {
  const script = new URL('../../../scripts/compile-kernels.mjs', import.meta.url).href;
  const { compileKernels } = (await import(script)) as { compileKernels(): Promise<string> };
  const generated = await readFile(new URL('../../generated/kernels.ts', import.meta.url), 'utf8');
  expect(await compileKernels()).toBe(generated);
});

it('says what it runs on', async () => {
  expect(await selectBackend({ backend: 'wasm', threads: 2 })).toMatchObject({
    backend: 'wasm',
    device: 'cpu',
  });
  expect(await startWasm({ threads: 2, gemm: 'own' })).toEqual({
    gemm: 'assemblyscript',
    threads: 1,
  });
  await expect(selectBackend({ backend: 'webgpu' })).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  await expect(selectBackend({ threads: 0 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

it('says that memory is out before it writes beyond the heap, and goes on when some is freed', async () => {
  await startWasm({ threads: 1 });
  const before = tf.memory().numTensors;
  const gigabytes: Tensor[] = [];
  // Not written to, so that the pages stay virtual.
  const allocate = () => gigabytes.push(tf.engine().makeTensorFromTensorInfo(emptyOutput([250_000_000])));
  const allocateFive = () => {
    for (let i = 0; i < 5; i++) allocate();
  };
  expect(allocateFive).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
  tf.dispose(gigabytes);
  expect([...(await values(tf.tidy(() => tf.add(tf.tensor1d([1, 2]), 1))))]).toEqual([2, 3]);
  expect(tf.memory().numTensors).toBe(before + 1);
});

describe.each(['auto', 'own'] as const)('tf.matMul through the gemm "%s"', (gemm) => {
  beforeAll(async () => {
    await startWasm({ threads: 1, gemm });
  });

  it.each([
    { batch: [], m: 1, n: 1, k: 1 },
    { batch: [], m: 5, n: 7, k: 3 },
    { batch: [], m: 100, n: 33, k: 300 },
    { batch: [], m: 4, n: 1030, k: 260 },
    { batch: [3], m: 9, n: 10, k: 11 },
    { batch: [2, 2], m: 4, n: 8, k: 4 },
  ])('multiplies $batch $m x $k x $n with any transpose', async ({ batch, m, n, k }) => {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        await tidily(async () => {
          const a = noise('a', [...batch, ...(transposeA ? [k, m] : [m, k])]);
          const b = noise('b', [...batch, ...(transposeB ? [n, k] : [k, n])]);
          const c = tf.matMul(a, b, transposeA, transposeB);
          expect(c.shape).toEqual([...batch, m, n]);
          const expected = product({
            a: await values(a),
            transposeA,
            b: await values(b),
            transposeB,
            m,
            n,
            k,
          });
          expect(relativeError(await values(c), expected)).toBeLessThan(2e-6);
        });
      }
    }
  });
});

it('leaves onnxruntime out, with the reason, where it does not write to the heap', async () => {
  await startWasm({ threads: 1, gemm: 'own' });
  const heap = await WasmHeap.open();
  const floats = heap.floats.bind(heap);
  heap.floats = (tensor) => floats(tensor).slice();
  const reasons: unknown[] = [];
  const onFailure = (reason: unknown) => reasons.push(reason);
  expect(openOnnxruntime(heap, { threads: 1, onFailure })).toBeUndefined();
  expect(String(reasons)).toContain('where [14,32,32,77] is right');
});

it('shares the bytes of a clone until both are gone', async () => {
  await startWasm({ threads: 1 });
  const heapBefore = tf.memory().numDataBuffers;
  const x = tf.tensor1d([1, 2, 3]);
  const clone = tf.clone(x);
  expect(tf.memory().numDataBuffers).toBe(heapBefore + 1);
  x.dispose();
  expect([...(await values(clone))]).toEqual([1, 2, 3]);
  clone.dispose();
  expect(tf.memory().numDataBuffers).toBe(heapBefore);
});

function emptyOutput(shape: number[]): tf.TensorInfo {
  const backend = tf.backend() as unknown as { makeOutput(shape: number[], dtype: 'float32'): tf.TensorInfo };
  return backend.makeOutput(shape, 'float32');
}

interface Product {
  readonly a: Float32Array;
  readonly transposeA: boolean;
  readonly b: Float32Array;
  readonly transposeB: boolean;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Every batch, in double precision, by the definition. */
function product({ a, transposeA, b, transposeB, m, n, k }: Product): number[] {
  const batches = a.length / (m * k);
  return Array.from({ length: batches * m * n }, (_, index) => {
    const batch = Math.floor(index / (m * n));
    const row = Math.floor(index / n) % m;
    const column = index % n;
    let sum = 0;
    for (let p = 0; p < k; p++) {
      const left = a[batch * m * k + (transposeA ? p * m + row : row * k + p)]!;
      const right = b[batch * k * n + (transposeB ? column * k + p : p * n + column)]!;
      sum += left * right;
    }
    return sum;
  });
}
