/**
 * The seam between differentiable operations and backends: what each backend computes, without any notion of
 * gradients being recorded. `portable` implements all of it with plain TensorFlow.js operations and is the oracle in
 * tests; a backend replaces the kernels that it can do faster.
 *
 * Ownership: kernels return new tensors and dispose nothing that they were given. `rows` stands for the product of
 * all dimensions but the last.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '../tensorflow.ts';
import { portable } from './portable.ts';

export type GeluKind = 'quick_gelu' | 'gelu' | 'gelu_new';

export interface AttentionOptions {
  readonly heads: number;
  readonly causal: boolean;
}

/** A result, and what its gradient will need besides the inputs; the layout of `saved` is the kernel's own. */
export interface WithSaved<T extends Tensor = Tensor> {
  readonly output: T;
  readonly saved: readonly Tensor[];
}

export interface Kernels {
  /** `x[...,in] weight[out,in] bias[out]` to `[...,out]`. */
  linear(x: Tensor, weight: Tensor2D, bias?: Tensor1D): Tensor;
  linearInputGradient(dy: Tensor, weight: Tensor2D): Tensor;
  linearWeightGradient(dy: Tensor, x: Tensor): Tensor2D;
  /** `[...,n]` to `[n]`: the sum over all rows. */
  columnSum(x: Tensor): Tensor1D;
  layerNorm(x: Tensor, weight: Tensor1D, bias: Tensor1D, epsilon: number): WithSaved;
  layerNormGradient(
    dy: Tensor,
    inputs: { readonly x: Tensor; readonly weight: Tensor1D; readonly saved: readonly Tensor[] },
  ): { readonly x: Tensor; readonly weight: Tensor; readonly bias: Tensor };
  gelu(x: Tensor, kind: GeluKind): Tensor;
  geluGradient(dy: Tensor, x: Tensor, kind: GeluKind): Tensor;
  /** `qkv[B,T,3D]` to `[B,T,D]`. */
  attention(qkv: Tensor3D, options: AttentionOptions): WithSaved<Tensor3D>;
  attentionGradient(
    dy: Tensor3D,
    inputs: { readonly qkv: Tensor3D; readonly saved: readonly Tensor[] },
    options: AttentionOptions,
  ): Tensor3D;
  /** `table[V,D]` and int32 `ids[...]` to `[...,D]`. */
  gatherRows(table: Tensor2D, ids: Tensor): Tensor;
  /** The sum of the rows of `dy[...,D]` that share an id, in order of appearance: `[V,D]`. */
  scatterRows(dy: Tensor, ids: Tensor, rows: number): Tensor2D;
  /** The bytes of a tensor: a view that is valid until the next operation, or a copy. */
  read(x: Tensor): Promise<Float32Array> | Float32Array;
}

let active: Kernels = portable;

/** The kernels of the backend that was selected for this process. */
export const kernels = (): Kernels => active;

/** Called once by `selectBackend`, and by tests to compare a backend with the oracle on itself. */
export function useKernels(replacement: Kernels): void {
  active = replacement;
}
