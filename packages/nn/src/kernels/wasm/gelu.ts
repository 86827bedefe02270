/** The forward GELU on the wasm heap: what a provider does, and the provider that needs nothing. */
import type { tf } from '../../tensorflow.ts';
import type { GeluKind } from '../kernels.ts';
import { sizeOf, type WasmHeap } from './heap.ts';

/** Writes gelu(x) to `y`, of the same size. */
export type Gelu = (x: tf.TensorInfo, y: tf.TensorInfo, kind: GeluKind) => void;

/** The numbers by which assembly/gelu.ts knows the kinds. */
export const geluCode: Record<GeluKind, number> = { quick_gelu: 0, gelu: 1, gelu_new: 2 };

/** The SIMD kernel of assembly/gelu.ts, on one thread. */
export const assemblyGelu =
  (heap: WasmHeap): Gelu =>
  (x, y, kind) =>
    heap.kernels.gelu(heap.address(x), heap.address(y), sizeOf(x.shape), geluCode[kind]);

/** Numbers up to which the own kernel is faster than the call of a library. */
const FEW = 2048;

/** `provider` does what is larger. The size alone decides, and so do the bits. */
export function smallGelu(heap: WasmHeap, provider: Gelu): Gelu {
  const own = assemblyGelu(heap);
  return (x, y, kind) => (sizeOf(x.shape) <= FEW ? own : provider)(x, y, kind);
}
