/**
 * Matrix products with a right matrix that lies outside the wasm heap. Its numbers are converted to float32 on the heap, as
 * many columns of the product at a time as stay in the cache, and each block is multiplied by the provider as if it were the
 * whole. A column's sum has the same order in every block, so the bits are those of the product with the converted matrix.
 */
import type { tf } from '../../tensorflow.ts';
import { isShared, type StoredNumbers } from '../../vectors/stored-numbers.ts';
import type { Gemm, MatrixProduct } from './gemm.ts';
import type { WasmHeap } from './heap.ts';

/** Floats of the right matrix that are converted at a time. */
const BLOCK_FLOATS = 2 ** 18;
/**
 * Fewest columns of a block. onnxruntime chooses the order of a sum by the shape, below 65 columns; a multiple of its panels
 * of 16 and of its blocks of 128 keeps the others as they are.
 */
const LEAST_COLUMNS = 128;

export function frozenGemm(heap: WasmHeap, provider: Gemm): Gemm {
  return {
    name: provider.name,
    multiply(product) {
      const numbers = heap.host.of(product.b);
      if (numbers === undefined || readsInPlace(provider, numbers)) provider.multiply(product);
      else multiplyInBlocks(heap, provider, product, numbers);
    },
    multiplyBatch: (product) => provider.multiplyBatch(product),
  };
}

/** onnxruntime takes float32 from anywhere but shared memory. */
const readsInPlace = ({ name }: Gemm, numbers: StoredNumbers): boolean =>
  name === 'onnxruntime' && numbers.dtype === 'F32' && !isShared(numbers.data);

function multiplyInBlocks(
  heap: WasmHeap,
  provider: Gemm,
  product: MatrixProduct,
  numbers: StoredNumbers,
): void {
  const { m, n, k, c, bias, transposeB } = product;
  const blocks = columnBlocks(n, k);
  const widest = Math.max(...blocks.map(({ count }) => count));
  const right = heap.allocate([widest, k]);
  const part = blocks.length === 1 ? c : heap.allocate([m, widest]);
  const isPacked = numbers.dtype !== 'F32';
  heap.withScratch(isPacked ? 2 * widest * k : 0, (staging) => {
    for (const { first, count } of blocks) {
      const window = transposeB
        ? { from: first * k, stride: k, rows: count, columns: k }
        : { from: first, stride: n, rows: k, columns: count };
      heap.unpack(numbers, window, heap.address(right), staging);
      const into = blocks.length === 1 ? c : reshaped(part, [m, count]);
      const b = reshaped(right, transposeB ? [count, k] : [k, count]);
      provider.multiply({ ...product, n: count, b, c: into, bias: undefined });
      if (blocks.length > 1) copyColumns(heap, into, { into: c, rows: m, width: n, first, count });
    }
  });
  heap.release(right);
  if (part !== c) heap.release(part);
  if (bias !== undefined) heap.kernels.addBias(heap.address(c), heap.address(bias), m, n);
}

/** The last one takes the remainder, so that none is narrow. */
function columnBlocks(n: number, k: number): { first: number; count: number }[] {
  const fitting = Math.floor(BLOCK_FLOATS / k / LEAST_COLUMNS) * LEAST_COLUMNS;
  const columns = Math.max(LEAST_COLUMNS, fitting);
  const blocks = Math.max(1, Math.floor(n / columns));
  return Array.from({ length: blocks }, (_, i) => ({
    first: i * columns,
    count: i === blocks - 1 ? n - i * columns : columns,
  }));
}

const reshaped = ({ dataId, dtype }: tf.TensorInfo, shape: number[]): tf.TensorInfo => ({
  dataId,
  dtype,
  shape,
});

function copyColumns(
  heap: WasmHeap,
  part: tf.TensorInfo,
  at: { into: tf.TensorInfo; rows: number; width: number; first: number; count: number },
): void {
  const { rows, width, first, count } = at;
  const [source, target] = [heap.address(part), heap.address(at.into) + 4 * first];
  for (let row = 0; row < rows; row++)
    heap.move(source + 4 * row * count, target + 4 * row * width, 4 * count);
}
