/**
 * Matrix products by onnxruntime (MLAS: 3-4 times the speed of a 128-bit SIMD kernel), straight on the wasm heap.
 *
 * Its public `run` is asynchronous and TensorFlow.js kernels are not, so this calls the synchronous binding inside the
 * package. That is private: the version is pinned exactly, and `openOnnxruntime` multiplies a known matrix first.
 */
import { createRequire } from 'node:module';
import type { tf } from '../../tensorflow.ts';
import type { BatchedProduct, Gemm, MatrixProduct } from './gemm.ts';
import type { WasmHeap } from './heap.ts';
import { matrixProductModel } from './onnx-model.ts';

interface OnnxTensor {
  readonly data: Float32Array;
}
interface OnnxSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(feeds: Record<string, OnnxTensor>, fetches: Record<string, OnnxTensor>, options: object): unknown;
}
interface Onnxruntime {
  readonly binding: { InferenceSession: new () => OnnxSession };
  initOrt(): void;
}
type TensorClass = new (type: 'float32', numbers: Float32Array, shape: readonly number[]) => OnnxTensor;

/** Undefined, with the reason reported to `onFailure`, where onnxruntime cannot be loaded or fails its self-test. */
export function openOnnxruntime(
  heap: WasmHeap,
  options: { readonly threads: number; readonly onFailure: (reason: unknown) => void },
): Gemm | undefined {
  try {
    const gemm = onnxruntimeGemm(heap, options.threads);
    selfTest(heap, gemm);
    return gemm;
  } catch (reason) {
    options.onFailure(reason);
    return undefined;
  }
}

function onnxruntimeGemm(heap: WasmHeap, threads: number): Gemm {
  // It would report to its makers and write session files. In a worker thread this comes too late: there the process sets it.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const require = createRequire(import.meta.url);
  const { binding, initOrt } = require('onnxruntime-node/dist/binding.js') as Onnxruntime;
  const { Tensor } = require('onnxruntime-common') as { Tensor: TensorClass };
  initOrt();

  const sessions = new Map<string, OnnxSession>();
  const sessionFor = (operator: 'Gemm' | 'FusedMatMul', { transposeA, transposeB }: MatrixProduct) => {
    const key = `${operator} ${transposeA} ${transposeB}`;
    let session = sessions.get(key);
    if (session === undefined) {
      session = new binding.InferenceSession();
      const model = matrixProductModel({ operator, transposeA, transposeB });
      session.loadModel(model.buffer, model.byteOffset, model.byteLength, sessionOptions(threads));
      sessions.set(key, session);
    }
    return session;
  };
  const tensor = (x: tf.TensorInfo, shape: readonly number[]) => new Tensor('float32', heap.floats(x), shape);

  return {
    name: 'onnxruntime',
    multiply(product) {
      const { m, n, k, a, transposeA, b, transposeB, c } = product;
      const feeds = {
        a: tensor(a, transposeA ? [k, m] : [m, k]),
        b: tensor(b, transposeB ? [n, k] : [k, n]),
      };
      sessionFor('Gemm', product).run(feeds, { c: tensor(c, [m, n]) }, {});
    },
    multiplyBatch(product: BatchedProduct) {
      const { batch, m, n, k, a, transposeA, b, transposeB, c } = product;
      const feeds = {
        a: tensor(a, transposeA ? [batch, k, m] : [batch, m, k]),
        b: tensor(b, transposeB ? [batch, n, k] : [batch, k, n]),
      };
      sessionFor('FusedMatMul', product).run(feeds, { c: tensor(c, [batch, m, n]) }, {});
    },
  };
}

/** Threads that spin while they wait take the cores from each other: 3.8 s a step instead of 1.0 s with two. */
const sessionOptions = (threads: number) => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
});

/** [1 2 3; 4 5 6] times its transpose, in place on the heap, in every form that is used. */
function selfTest(heap: WasmHeap, gemm: Gemm): void {
  const expected = [14, 32, 32, 77];
  const rows = { shape: [2, 3], numbers: [1, 2, 3, 4, 5, 6] };
  const columns = { shape: [3, 2], numbers: [1, 4, 2, 5, 3, 6] };
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      for (const form of ['multiply', 'multiplyBatch'] as const) {
        const a = filled(heap, transposeA ? columns : rows);
        const b = filled(heap, transposeB ? rows : columns);
        const c = heap.tensor([2, 2]);
        gemm[form]({ batch: 1, m: 2, n: 2, k: 3, a, transposeA, b, transposeB, c });
        const actual = [...heap.floats(c)];
        for (const tensor of [a, b, c]) tensor.dispose();
        if (actual.join() !== expected.join()) {
          throw new Error(`onnxruntime gave [${actual}] where [${expected}] is right`);
        }
      }
    }
  }
}

function filled(heap: WasmHeap, { shape, numbers }: { shape: number[]; numbers: number[] }) {
  const tensor = heap.tensor(shape);
  heap.floats(tensor).set(numbers);
  return tensor;
}
