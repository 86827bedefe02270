/**
 * Matrix products with a right matrix that lies outside the wasm heap. Its numbers are converted to float32 on the heap, all
 * of them or the columns of the product that fit a block, and each block is multiplied by the provider as if it were the
 * whole. A column's sum has the same order in every block, so the bits are those of the product with the converted matrix.
 */
import type { tf } from '../../tensorflow.ts';
import { isShared, type StoredNumbers } from '../../vectors/stored-numbers.ts';
import type { Gemm, MatrixProduct } from './gemm.ts';
import type { WasmHeap } from './heap.ts';
import { unpacking } from './unpacking.ts';

/**
 * Floats of the right matrix that are converted at a time: 64 MiB of the heap. Smaller blocks would stay in a cache, but each
 * costs a call, and its columns are not adjacent in the matrix: 1 MiB took 10 % longer at 512 rows, of [4096,4096].
 */
const BLOCK_FLOATS = 2 ** 24;
/**
 * Fewest columns of a block for each thread. onnxruntime adds up 128 terms at a time, more where a thread has 64 columns or
 * fewer: then the order of a sum would be another than in the whole product.
 */
const LEAST_COLUMNS = 128;

export function frozenGemm(heap: WasmHeap, provider: Gemm, blockFloats: number = BLOCK_FLOATS): Gemm {
  return {
    name: provider.name,
    threads: provider.threads,
    multiply(product) {
      const numbers = heap.host.of(product.b);
      if (numbers === undefined || readsInPlace(provider, numbers)) provider.multiply(product);
      else
        multiplyInBlocks(
          { heap, provider, blocks: columnBlocks(product, blockFloats, LEAST_COLUMNS * provider.threads) },
          product,
          numbers,
        );
    },
    multiplyBatch: (product) => provider.multiplyBatch(product),
  };
}

/** onnxruntime takes float32 from anywhere but shared memory. */
const readsInPlace = ({ name }: Gemm, numbers: StoredNumbers): boolean =>
  name === 'onnxruntime' && numbers.dtype === 'F32' && !isShared(numbers.data);

interface Columns {
  readonly first: number;
  readonly count: number;
}

function multiplyInBlocks(
  { heap, provider, blocks }: { heap: WasmHeap; provider: Gemm; blocks: readonly Columns[] },
  product: MatrixProduct,
  numbers: StoredNumbers,
): void {
  const { m, n, k, c, bias, transposeB } = product;
  const widest = Math.max(...blocks.map(({ count }) => count));
  const right = heap.allocate([widest, k]);
  const part = blocks.length === 1 ? c : heap.allocate([m, widest]);
  unpacking(heap, numbers, transposeB ? k : widest, (unpack) => {
    for (const { first, count } of blocks) {
      const pieces = transposeB
        ? { from: first * k, stride: k, rows: count, columns: k }
        : { from: first, stride: n, rows: k, columns: count };
      unpack(pieces, heap.address(right));
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
function columnBlocks({ n, k }: MatrixProduct, blockFloats: number, least: number): Columns[] {
  if (n * k <= blockFloats) return [{ first: 0, count: n }];
  const columns = Math.max(least, Math.floor(blockFloats / k / least) * least);
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
