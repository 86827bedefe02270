/**
 * Products of a few rows with a small matrix: those of a model that generates token by token. They are dot products of
 * assembly/gemv.ts, which reads the matrix where it lies; a call of onnxruntime takes 9 to 15 microseconds whatever its size,
 * and the own kernel for many rows packs the matrix first.
 */
import type { Gemm, MatrixProduct } from './gemm.ts';
import type { WasmHeap } from './heap.ts';

/** Above, the vectors of 512 bits of a library outweigh its call: 4 rows of [688,128] take as long both ways. */
const MOST_ROWS = 4;
export const MOST_MULTIPLICATIONS = 2 ** 18;

/** `provider` does all others. Which of the two does it depends on the sizes alone, and so do the bits. */
export function fewRowsGemm(heap: WasmHeap, provider: Gemm): Gemm {
  return {
    ...provider,
    multiply(product) {
      if (!isSmall(product) || heap.host.of(product.b) !== undefined) provider.multiply(product);
      else multiplyByRows(heap, product);
    },
  };
}

const isSmall = ({ m, n, k, transposeA, transposeB }: MatrixProduct): boolean =>
  transposeB && !transposeA && m <= MOST_ROWS && m * n * k <= MOST_MULTIPLICATIONS;

function multiplyByRows(heap: WasmHeap, { m, n, k, a, b, c, bias }: MatrixProduct): void {
  const { kernels } = heap;
  const [left, right, result] = [heap.address(a), heap.address(b), heap.address(c)];
  for (let row = 0; row < m; row++)
    kernels.dots(left + 4 * row * k, right, 4 * k, n, k, result + 4 * row * n);
  if (bias !== undefined) kernels.addBias(result, heap.address(bias), m, n);
}
