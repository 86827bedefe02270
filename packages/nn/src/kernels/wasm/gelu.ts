/** The forward GELU on the wasm heap: what a provider does, and the provider that needs nothing. */
import type { Tensor } from '../../tensorflow.ts';
import type { GeluKind } from '../kernels.ts';
import type { WasmHeap } from './heap.ts';

/** Writes gelu(x) to `y`, of the same size. */
export type Gelu = (x: Tensor, y: Tensor, kind: GeluKind) => void;

/** The numbers by which assembly/gelu.ts knows the kinds. */
export const geluCode: Record<GeluKind, number> = { quick_gelu: 0, gelu: 1, gelu_new: 2 };

/** The SIMD kernel of assembly/gelu.ts, on one thread. */
export const assemblyGelu =
  (heap: WasmHeap): Gelu =>
  (x, y, kind) =>
    heap.kernels.gelu(heap.address(x), heap.address(y), x.size, geluCode[kind]);
