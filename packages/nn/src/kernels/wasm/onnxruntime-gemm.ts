/**
 * Matrix products by onnxruntime (MLAS: 3-4 times the speed of a 128-bit SIMD kernel), straight on the wasm heap.
 *
 * Its public `run` is asynchronous and TensorFlow.js kernels are not, so this calls the synchronous binding inside the
 * package. That is private: the version is pinned exactly, and `openOnnxruntime` multiplies a known matrix first.
 */
import { createRequire } from 'node:module';
import type { Tensor, tf } from '../../tensorflow.ts';
import type { Gemm, MatrixProduct } from './gemm.ts';
import type { WasmHeap } from './heap.ts';
import { BARRIER_OUTPUT, type MatrixProductModel, matrixProductModel } from './onnx-model.ts';

interface OnnxTensor {
  readonly data: Float32Array;
}
interface OnnxSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(
    feeds: Record<string, OnnxTensor>,
    fetches: Record<string, OnnxTensor | null>,
    options: object,
  ): unknown;
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

/**
 * Rows of the left matrix that are multiplied at a time. onnxruntime goes over all rows for 128 columns and 128 terms of
 * the sum: with so few, what it reads and writes again and again stays in the second-level cache (10 % faster).
 */
const ROWS_PER_THREAD = 512;

function onnxruntimeGemm(heap: WasmHeap, threads: number): Gemm {
  // It would report to its makers and write session files. In a worker thread this comes too late: there the process sets it.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const require = createRequire(import.meta.url);
  const { binding, initOrt } = require('onnxruntime-node/dist/binding.js') as Onnxruntime;
  const { Tensor } = require('onnxruntime-common') as { Tensor: TensorClass };
  initOrt();

  const sessions = new Map<string, OnnxSession>();
  const sessionFor = (model: MatrixProductModel) => {
    const key = JSON.stringify(model);
    let session = sessions.get(key);
    if (session === undefined) {
      session = new binding.InferenceSession();
      const bytes = matrixProductModel(model);
      session.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, sessionOptions(threads));
      sessions.set(key, session);
    }
    return session;
  };
  const tensor = (x: tf.TensorInfo, shape: readonly number[]) => new Tensor('float32', heap.floats(x), shape);
  const run = (product: MatrixProduct, feeds: Record<'a' | 'b', OnnxTensor>, c: OnnxTensor) => {
    const barrier = 4 * c.data.length >= BARRIER_BYTES;
    const { transposeA, transposeB } = product;
    const session = sessionFor({ operator: 'Gemm', transposeA, transposeB, barrier });
    if (barrier) runWithoutCopy(session, feeds, c);
    else session.run(feeds, { c }, {});
  };

  return {
    name: 'onnxruntime',
    multiply(product) {
      const { m, n, k, a, transposeA, b, transposeB, bias, c } = product;
      const right = tensor(b, transposeB ? [n, k] : [k, n]);
      // Rows of a transposed matrix are not adjacent.
      const rowsAtOnce = transposeA ? m : ROWS_PER_THREAD * threads;
      const [left, result] = [heap.floats(a), heap.floats(c)];
      for (let row = 0; row < m; row += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, m - row);
        const some = transposeA ? left : left.subarray(row * k, (row + rows) * k);
        const into = new Tensor('float32', result.subarray(row * n, (row + rows) * n), [rows, n]);
        run(product, { a: new Tensor('float32', some, transposeA ? [k, m] : [rows, k]), b: right }, into);
        if (bias !== undefined)
          heap.kernels.addBias(heap.address(c) + 4 * row * n, heap.address(bias), rows, n);
      }
    },
    multiplyBatch({ batch, m, n, k, a, transposeA, b, transposeB, c }) {
      const feeds = {
        a: tensor(a, transposeA ? [batch, k, m] : [batch, m, k]),
        b: tensor(b, transposeB ? [batch, n, k] : [batch, k, n]),
      };
      const session = sessionFor({ operator: 'FusedMatMul', transposeA, transposeB, barrier: false });
      session.run(feeds, { c: tensor(c, [batch, m, n]) }, {});
    },
  };
}

/**
 * The binding of this version copies every result into a new ArrayBuffer, although it lies where it was asked for: a
 * twelfth of a training step, with the garbage collection that follows. Results are handed over in order, and one that is
 * no tensor cannot be: with an empty sequence before the matrix, the call ends there, with everything computed.
 */
function runWithoutCopy(session: OnnxSession, feeds: Record<string, OnnxTensor>, c: OnnxTensor): void {
  try {
    session.run(feeds, { [BARRIER_OUTPUT]: null, c }, {});
  } catch (error) {
    if (!String(error).includes(BARRIER_MESSAGE)) throw error;
    return;
  }
  throw new Error('onnxruntime hands over what it could not in the version that is expected');
}

const BARRIER_MESSAGE = 'Non tensor type is temporarily not supported';
/** Below, the copy is cheaper than the exception. */
const BARRIER_BYTES = 2 ** 17;

/** Threads that spin while they wait take the cores from each other: 3.8 s a step instead of 1.0 s with two. */
const sessionOptions = (threads: number) => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
});

/**
 * [1 2 3; 4 5 6] times its transpose, in place on the heap, in every form that is used; and a product that is large
 * enough for the way without a copy.
 */
function selfTest(heap: WasmHeap, gemm: Gemm): void {
  const rows = { shape: [2, 3], numbers: [1, 2, 3, 4, 5, 6] };
  const columns = { shape: [3, 2], numbers: [1, 4, 2, 5, 3, 6] };
  for (const transposeA of [false, true])
    for (const transposeB of [false, true])
      for (const form of ['multiply', 'multiplyBatch'] as const) {
        const a = filled(heap, transposeA ? columns : rows);
        const b = filled(heap, transposeB ? rows : columns);
        const product = { batch: 1, m: 2, n: 2, k: 3, transposeA, transposeB };
        expectProduct(heap, { expected: [14, 32, 32, 77], a, b }, (c) => gemm[form]({ ...product, a, b, c }));
      }
  const side = Math.ceil(Math.sqrt(BARRIER_BYTES / 4));
  const ones = Array.from({ length: side }, () => 1);
  const numbers = Array.from({ length: side }, (_, i) => i);
  const a = filled(heap, { shape: [side, 1], numbers });
  const b = filled(heap, { shape: [1, side], numbers: ones });
  const product = { m: side, n: side, k: 1, a, transposeA: false, b, transposeB: false };
  const expected = numbers.flatMap((row) => ones.map(() => row));
  expectProduct(heap, { expected, a, b }, (c) => gemm.multiply({ ...product, c }));
}

function expectProduct(
  heap: WasmHeap,
  { expected, a, b }: { expected: readonly number[]; a: Tensor; b: Tensor },
  multiply: (c: Tensor) => void,
): void {
  const c = heap.tensor([expected.length]);
  multiply(c);
  const actual = [...heap.floats(c)];
  for (const tensor of [a, b, c]) tensor.dispose();
  const wrong = actual.findIndex((value, i) => value !== expected[i]);
  if (wrong < 0) return;
  const show = (all: readonly number[]) => `[${all.slice(0, 4)}]`;
  throw new Error(`onnxruntime gave ${show(actual)} where ${show(expected)} is right`);
}

function filled(heap: WasmHeap, { shape, numbers }: { shape: number[]; numbers: number[] }): Tensor {
  const tensor = heap.tensor(shape);
  heap.floats(tensor).set(numbers);
  return tensor;
}
