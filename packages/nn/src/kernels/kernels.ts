/**
 * The seam between differentiable operations and backends: what each backend computes, without any notion of
 * gradients being recorded. `portable` implements all of it with plain TensorFlow.js operations and is the oracle in
 * tests; a backend replaces the kernels that it can do faster.
 *
 * Ownership: kernels return new tensors and dispose nothing that they were given. `rows` stands for the product of
 * all dimensions but the last.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '../tensorflow.ts';
import type { StoredNumbers } from '../vectors/stored-numbers.ts';
import type { AttentionMask } from './attention-mask.ts';
import { portable } from './portable/portable.ts';
import type { StepKernels } from './step-kernels.ts';

export type GeluKind = 'quick_gelu' | 'gelu' | 'gelu_new';

/**
 * What an attention attends with: `[qkv]`, one tensor `[B,T,(H+2K)d]` of queries, keys and values side by side, or
 * `[q, kv]`, queries `[B,Tq,Hd]` and keys and values `[B,Tk,2Kd]` of other positions. H and K are the heads of queries
 * and of keys and values; query head h belongs to head floor(h K / H) of the others.
 */
export type Projections = readonly [qkv: Tensor3D] | readonly [q: Tensor3D, kv: Tensor3D];

export interface AttentionSettings {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly mask: AttentionMask;
  /** What a query that sees no key gets: zeros, or the mean over all values (and no gradient for its scores). */
  readonly blind: 'zero' | 'mean';
}

/** Rotation angles of every position: cosines and sines `[B*T, headDim/2]`, or `[T, headDim/2]` for all sequences. */
export interface RotaryTable {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly headDim: number;
}

export interface RotaryOptions {
  readonly table: RotaryTable;
  /** Heads at the beginning of each row that are rotated; what follows is copied. */
  readonly heads: number;
  /** Turns the other way: the gradient. */
  readonly inverse: boolean;
}

export interface AppendOptions {
  /** What was returned last, `[B,C,W - column]`; absent at the first call. */
  readonly cache?: Tensor3D;
  /** Rows of the cache that are in use. */
  readonly length: number;
  /** The columns of `rows` from this one on are what is appended. */
  readonly column: number;
  /** Rows that the cache will have in the end, if that is known. */
  readonly reserve: number;
}

/** A result, and what its gradient will need besides the inputs; the layout of `saved` is the kernel's own. */
export interface WithSaved<T extends Tensor = Tensor> {
  readonly output: T;
  readonly saved: readonly Tensor[];
}

export interface NormInputs {
  readonly x: Tensor;
  readonly weight: Tensor1D;
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
    inputs: NormInputs,
  ): { readonly x: Tensor; readonly weight: Tensor; readonly bias: Tensor };
  rmsNorm(x: Tensor, weight: Tensor1D, epsilon: number): WithSaved;
  rmsNormGradient(dy: Tensor, inputs: NormInputs): { readonly x: Tensor; readonly weight: Tensor };

  gelu(x: Tensor, kind: GeluKind): Tensor;
  /** `y` is what `gelu` gave for `x`. */
  geluGradient(dy: Tensor, inputs: { readonly x: Tensor; readonly y: Tensor }, kind: GeluKind): Tensor;
  /** `gateUp[...,2F]` (gate | up) to `silu(gate) * up`, `[...,F]`. */
  swiGlu(gateUp: Tensor): Tensor;
  swiGluGradient(dy: Tensor, gateUp: Tensor): Tensor;

  /** To `[B,Tq,Hd]`. */
  attention(projections: Projections, settings: AttentionSettings): WithSaved<Tensor3D>;
  /** One gradient for each projection. */
  attentionGradient(
    dy: Tensor3D,
    inputs: { readonly projections: Projections; readonly saved: readonly Tensor[] },
    settings: AttentionSettings,
  ): Tensor3D[];
  /** Pairs (i, i + d/2) of each head of `x[B,T,W]`, turned by the angles of their position. */
  rotate(x: Tensor3D, options: RotaryOptions): Tensor3D;

  /** `table[V,D]` and int32 `ids[...]` to `[...,D]`. */
  gatherRows(table: Tensor2D, ids: Tensor): Tensor;
  /** The sum of the rows of `dy[...,D]` that share an id, in order of appearance: `[V,D]`. */
  scatterRows(dy: Tensor, ids: Tensor, rows: number): Tensor2D;
  /**
   * The rows of a cache and, after them, those of `rows[B,T,W]`: `[B,C,W - column]` with C at least `length + T`. A
   * backend that can writes in place and returns the cache itself; rows from `length + T` on are undefined.
   */
  appendRows(rows: Tensor3D, options: AppendOptions): Tensor3D;

  /** The sum over the rows of `logits[N,V]` of `-log softmax`[label]; rows with a negative label do not count. */
  crossEntropy(logits: Tensor2D, labels: Int32Array): WithSaved;
  /** `scale * (softmax - one-hot)`, zero in the rows that do not count. `scale` is a scalar. */
  crossEntropyGradient(
    scale: Tensor,
    inputs: { readonly logits: Tensor2D; readonly labels: Int32Array; readonly saved: readonly Tensor[] },
  ): Tensor2D;

  /** Absent where a backend decodes with tensors like everything else. */
  readonly step?: StepKernels;

  /** A tensor over `numbers`, which become its own; only for `linear`, its input gradient, `gatherRows` and matrix products. */
  frozenMatrix(numbers: StoredNumbers, shape: readonly [number, number]): Tensor2D;
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
