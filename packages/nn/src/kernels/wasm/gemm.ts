/** Matrix products on the wasm heap: what a provider does, and the provider that needs nothing. */
import type { tf } from '../../tensorflow.ts';
import type { WasmHeap } from './heap.ts';

/** `C[m,n] = op(A) op(B)`: A is [m,k] or, transposed, [k,m]; B is [k,n] or [n,k]. */
export interface MatrixProduct {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: tf.TensorInfo;
  readonly transposeA: boolean;
  readonly b: tf.TensorInfo;
  readonly transposeB: boolean;
  readonly c: tf.TensorInfo;
  /** `[n]`, added to every row of the product. */
  readonly bias?: tf.TensorInfo | undefined;
}

/** `batch` products over adjacent matrices. */
export interface BatchedProduct extends Omit<MatrixProduct, 'bias'> {
  readonly batch: number;
}

export interface Gemm {
  readonly name: string;
  readonly threads: number;
  multiply(product: MatrixProduct): void;
  multiplyBatch(product: BatchedProduct): void;
}

/** The SIMD kernel of assembly/gemm.ts, on one thread. */
export function assemblyGemm(heap: WasmHeap): Gemm {
  const { kernels, gemmScratch } = heap;
  const multiplyBatch = ({ batch, m, n, k, a, transposeA, b, transposeB, c }: BatchedProduct) => {
    const [aRow, aColumn] = transposeA ? [4, 4 * m] : [4 * k, 4];
    const [bRow, bColumn] = transposeB ? [4, 4 * k] : [4 * n, 4];
    for (let i = 0; i < batch; i++) {
      const aAt = heap.address(a) + 4 * i * m * k;
      const bAt = heap.address(b) + 4 * i * k * n;
      const cAt = heap.address(c) + 4 * i * m * n;
      kernels.gemm(m, n, k, aAt, aRow!, aColumn!, bAt, bRow!, bColumn!, cAt, 4 * n, gemmScratch, 0);
    }
  };
  return {
    name: 'assemblyscript',
    threads: 1,
    multiplyBatch,
    multiply(product) {
      multiplyBatch({ ...product, batch: 1 });
      const { m, n, bias, c } = product;
      if (bias !== undefined) heap.kernels.addBias(heap.address(c), heap.address(bias), m, n);
    },
  };
}
