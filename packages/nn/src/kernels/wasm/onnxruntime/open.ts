/** Opens onnxruntime on the wasm heap where it loads and where all that is used of it gives the right numbers. */
import type { Tensor } from '../../../tensorflow.ts';
import type { GeluKind } from '../../kernels.ts';
import { type AttentionKernels, assemblyAttention } from '../attention.ts';
import type { Gelu } from '../gelu.ts';
import type { Gemm } from '../gemm.ts';
import type { WasmHeap } from '../heap.ts';
import { onnxruntimeAttention } from './attention.ts';
import { onnxruntimeGelu } from './gelu.ts';
import { onnxruntimeGemm } from './gemm.ts';
import { BARRIER_BYTES, loadOnnxruntime } from './runtime.ts';

export interface Providers {
  readonly gemm: Gemm;
  readonly gelu: Gelu;
  readonly attention: AttentionKernels;
}

/** Undefined, with the reason reported to `onFailure`, where onnxruntime cannot be loaded or fails its self-test. */
export function openOnnxruntime(
  heap: WasmHeap,
  options: { readonly threads: number; readonly onFailure: (reason: unknown) => void },
): Providers | undefined {
  try {
    const runtime = loadOnnxruntime(options.threads);
    const providers = {
      gemm: onnxruntimeGemm(heap, runtime),
      gelu: onnxruntimeGelu(heap, runtime),
      attention: onnxruntimeAttention(heap, runtime, assemblyAttention(heap)),
    };
    testProducts(heap, providers.gemm);
    testGelu(heap, providers.gelu);
    return providers;
  } catch (reason) {
    options.onFailure(reason);
    return undefined;
  }
}

/**
 * [1 2 3; 4 5 6] times its transpose, in place on the heap, in every form that is used; and a product that is large
 * enough for the way without a copy.
 */
function testProducts(heap: WasmHeap, gemm: Gemm): void {
  const rows = filled(heap, [2, 3], [1, 2, 3, 4, 5, 6]);
  const columns = filled(heap, [3, 2], [1, 4, 2, 5, 3, 6]);
  for (const transposeA of [false, true])
    for (const transposeB of [false, true])
      for (const form of ['multiply', 'multiplyBatch'] as const) {
        const sides = { a: transposeA ? columns : rows, b: transposeB ? rows : columns };
        const product = { batch: 1, m: 2, n: 2, k: 3, transposeA, transposeB, ...sides };
        expectNumbers(heap, [14, 32, 32, 77], (c) => gemm[form]({ ...product, c }));
      }
  const side = Math.ceil(Math.sqrt(BARRIER_BYTES / 4));
  const ones = Array.from({ length: side }, () => 1);
  const counting = ones.map((_, i) => i);
  const [a, b] = [filled(heap, [side, 1], counting), filled(heap, [1, side], ones)];
  const product = { m: side, n: side, k: 1, a, transposeA: false, b, transposeB: false };
  const expected = counting.flatMap((row) => ones.map(() => row));
  expectNumbers(heap, expected, (c) => gemm.multiply({ ...product, c }));
  for (const tensor of [rows, columns, a, b]) tensor.dispose();
}

function testGelu(heap: WasmHeap, gelu: Gelu): void {
  const expected: Record<GeluKind, readonly number[]> = {
    quick_gelu: [0, 0.84579577, -0.15420423],
    gelu: [0, 0.84134475, -0.15865525],
    gelu_new: [0, 0.84119199, -0.15880801],
  };
  const x = filled(heap, [3], [0, 1, -1]);
  for (const kind of Object.keys(expected) as GeluKind[])
    expectNumbers(heap, expected[kind], (y) => gelu(x, y, kind));
  x.dispose();
}

function expectNumbers(heap: WasmHeap, expected: readonly number[], compute: (result: Tensor) => void): void {
  const result = heap.tensor([expected.length]);
  compute(result);
  const actual = [...heap.floats(result)];
  result.dispose();
  const right = expected.every((value, i) => Math.abs(actual[i]! - value) <= 1e-6);
  const show = (all: readonly number[]) => `[${all.slice(0, 4)}]`;
  if (!right) throw new Error(`onnxruntime gave ${show(actual)} where ${show(expected)} is right`);
}

function filled(heap: WasmHeap, shape: readonly number[], numbers: readonly number[]): Tensor {
  const tensor = heap.tensor(shape);
  heap.floats(tensor).set(numbers);
  return tensor;
}
