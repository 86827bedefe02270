import { beforeAll, describe, expect, it } from 'vitest';
import { fromBfloat16, random, selectBackend, toBfloat16 } from '../../index.ts';
import { tf } from '../../tensorflow.ts';
import { frozenGemm } from './frozen-gemm.ts';
import { assemblyGemm, type Gemm } from './gemm.ts';
import { WasmHeap } from './heap.ts';
import { openOnnxruntime } from './onnxruntime/open.ts';

const normal = (purpose: string, count: number) => {
  const stream = random(5, purpose);
  return Float32Array.from({ length: count }, () => stream.normal());
};

const providers: Record<string, (heap: WasmHeap) => Gemm> = {
  'own kernel': assemblyGemm,
  'onnxruntime with 1 thread': (heap) => onnxruntime(heap, 1),
  'onnxruntime with 2 threads': (heap) => onnxruntime(heap, 2),
};

function onnxruntime(heap: WasmHeap, threads: number): Gemm {
  const onFailure = (reason: unknown) => expect.fail(String(reason));
  return openOnnxruntime(heap, { threads, onFailure })!.gemm;
}

describe.each(Object.entries(providers))('products in blocks by the %s', (_, open) => {
  let heap: WasmHeap;
  let provider: Gemm;
  beforeAll(async () => {
    await selectBackend({ backend: 'wasm' });
    heap = await WasmHeap.open();
    provider = open(heap);
  });

  // Rows that matrix libraries treat apart (1 to 3), and more than one block of them (512). Columns: blocks of 128 with a
  // remainder, wider blocks, and a sum that is longer than what libraries add up at a time.
  it.each([
    { m: 1, n: 1103, k: 641 },
    { m: 2, n: 1103, k: 641 },
    { m: 3, n: 500, k: 70 },
    { m: 64, n: 1103, k: 641 },
    { m: 64, n: 1040, k: 50 },
    { m: 530, n: 401, k: 300 },
    { m: 5, n: 260, k: 2500 },
  ])('give every bit of the product with the converted matrix: $m x $k x $n', ({ m, n, k }) => {
    const bits = toBfloat16(normal('weights', n * k));
    const right = {
      BF16: { dtype: 'BF16', data: bits },
      F32: { dtype: 'F32', data: shared(fromBfloat16(bits)) },
    } as const;
    const inBlocks = frozenGemm(heap, provider, 2 ** 15);
    for (const transposeB of [true, false]) {
      const shape: [number, number] = transposeB ? [n, k] : [k, n];
      tf.tidy(() => {
        const [a, bias] = [tf.tensor2d(normal('a', m * k), [m, k]), tf.tensor1d(normal('bias', n))];
        const product = { m, n, k, a, transposeA: false, transposeB, bias };
        const multiply = (gemm: Gemm, b: tf.Tensor) => {
          const c = heap.tensor([m, n]);
          gemm.multiply({ ...product, b, c });
          return c.dataSync().slice();
        };
        const expected = multiply(provider, tf.tensor2d(fromBfloat16(bits), shape));
        for (const [type, numbers] of Object.entries(right)) {
          const actual = multiply(inBlocks, heap.host.tensor(numbers, shape));
          const different = actual.findIndex((value, i) => !Object.is(value, expected[i]));
          expect(different, `${type}, transposed: ${transposeB}`).toBe(-1);
        }
      });
    }
  });
});

function shared(numbers: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(numbers.byteLength));
  copy.set(numbers);
  return copy;
}
