/**
 * Replaces the stock kernels of the wasm backend that ruin a training step, for code that calls TensorFlow.js directly:
 * `BatchMatMul` (scalar at 2 GFLOP/s with a transpose or a batch), `Identity` (copies the tensor), and those that cut and join
 * tensors (see `cutting-kernels.ts`).
 */
import { tf } from '../../tensorflow.ts';
import { concatenated, sliced, split } from './cutting-kernels.ts';
import type { Gemm } from './gemm.ts';
import { sizeOf, type WasmHeap } from './heap.ts';

type KernelArguments = Parameters<tf.KernelFunc>[0];

/** Affects every later call in this process; calling it again replaces the provider. */
export function replaceStockKernels(heap: WasmHeap, gemm: Gemm): void {
  replace('Identity', (stock, call) => {
    const { x } = call.inputs as { x: tf.TensorInfo };
    return x.dtype === 'string' ? stock(call) : heap.share(x);
  });
  replace('Slice', (stock, call) => sliced(heap, call) ?? stock(call));
  replace('SplitV', (stock, call) => split(heap, call) ?? stock(call));
  replace('Concat', (stock, call) => concatenated(heap, call) ?? stock(call));
  replace('BatchMatMul', (stock, call) => batchMatMul(heap, gemm, call) ?? stock(call));
}

/** Undefined for what stays with the stock kernel: broadcast batches. */
function batchMatMul(
  heap: WasmHeap,
  gemm: Gemm,
  { inputs, attrs }: KernelArguments,
): tf.TensorInfo | undefined {
  const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
  const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const n = transposeB ? bRows : bColumns;
  const outer = a.shape.slice(0, -2);
  const batch = sizeOf(outer);
  if (outer.join() !== b.shape.slice(0, -2).join() || batch * m * n * k === 0) return undefined;
  const c = heap.allocate([...outer, m, n]);
  const product = { m, n, k, a, transposeA, b, transposeB, c };
  if (batch === 1) gemm.multiply(product);
  else gemm.multiplyBatch({ ...product, batch });
  return c;
}

const stockKernels = new Map<string, tf.KernelFunc>();

function replace(
  kernelName: string,
  kernel: (stock: tf.KernelFunc, call: KernelArguments) => tf.TensorInfo | tf.TensorInfo[],
): void {
  const config = tf.getKernel(kernelName, 'wasm');
  const stock = stockKernels.get(kernelName) ?? config.kernelFunc;
  stockKernels.set(kernelName, stock);
  tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({ ...config, kernelFunc: (call) => kernel(stock, call) });
}
