/** Matrix products by onnxruntime (MLAS: 3-4 times the speed of a 128-bit SIMD kernel on one thread). */
import type { tf } from '../../../tensorflow.ts';
import type { Gemm } from '../gemm.ts';
import type { WasmHeap } from '../heap.ts';
import type { OnnxRuntime, Operation } from './runtime.ts';

/**
 * Rows of the left matrix that are multiplied at a time. onnxruntime goes over all rows for 128 columns and 128 terms of
 * the sum: with so few, what it reads and writes again and again stays in the second-level cache (10 % faster).
 */
const ROWS_PER_THREAD = 512;

export function onnxruntimeGemm(heap: WasmHeap, runtime: OnnxRuntime): Gemm {
  const tensor = (x: tf.TensorInfo, shape: readonly number[]) => runtime.tensor(heap.floats(x), shape);
  return {
    name: 'onnxruntime',
    threads: runtime.threads,
    multiply({ m, n, k, a, transposeA, b, transposeB, bias, c }) {
      const operation = productOf('Gemm', transposeA, transposeB);
      const right = tensor(b, transposeB ? [n, k] : [k, n]);
      // Rows of a transposed matrix are not adjacent.
      const rowsAtOnce = transposeA ? m : ROWS_PER_THREAD * runtime.threads;
      const [left, result] = [heap.floats(a), heap.floats(c)];
      for (let row = 0; row < m; row += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, m - row);
        const some = transposeA
          ? runtime.tensor(left, [k, m])
          : runtime.tensor(left.subarray(row * k, (row + rows) * k), [rows, k]);
        const into = runtime.tensor(result.subarray(row * n, (row + rows) * n), [rows, n]);
        runtime.run(operation, { a: some, b: right }, into);
        if (bias !== undefined)
          heap.kernels.addBias(heap.address(c) + 4 * row * n, heap.address(bias), rows, n);
      }
    },
    multiplyBatch({ batch, m, n, k, a, transposeA, b, transposeB, c }) {
      const inputs = {
        a: tensor(a, transposeA ? [batch, k, m] : [batch, m, k]),
        b: tensor(b, transposeB ? [batch, n, k] : [batch, k, n]),
      };
      runtime.run(productOf('FusedMatMul', transposeA, transposeB), inputs, tensor(c, [batch, m, n]));
    },
  };
}

const products = new Map<string, Operation>();

function productOf(operator: 'Gemm' | 'FusedMatMul', transposeA: boolean, transposeB: boolean): Operation {
  const key = `${operator} ${transposeA} ${transposeB}`;
  const known = products.get(key);
  if (known !== undefined) return known;
  const operation: Operation = {
    operator,
    domain: operator === 'Gemm' ? 'onnx' : 'microsoft',
    inputs: ['a', 'b'],
    attributes: { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 },
    rank: operator === 'Gemm' ? 2 : 3,
  };
  products.set(key, operation);
  return operation;
}
