/**
 * What a decoding step computes with, where a backend can do it without tensors: results are written into rows that were made
 * once, and nothing is recorded. A step of a small model is mostly the bookkeeping of tensors otherwise: 60 of them in a
 * millisecond. The numbers are those of the operations of the same names, bit for bit.
 */
import type { Tensor1D, Tensor2D, Tensor3D, tf } from '../tensorflow.ts';
import type { AttentionSettings, GeluKind, RotaryOptions } from './kernels.ts';

/** `[rows, width]` numbers that belong to whoever asked for them, and that the engine does not know. */
export type Rows = tf.TensorInfo & { readonly shape: [rows: number, width: number] };

export interface StepKernels {
  /** Uninitialised. The caller releases them. */
  rows(count: number, width: number): Rows;
  release(rows: Rows): void;

  /** An uninitialised tensor, for what others go on with. The caller disposes it. */
  tensor(count: number, width: number): Tensor2D;

  /** Row `id` of the table becomes row `row` of `y`. */
  embed(table: Tensor2D, id: number, to: { readonly y: Rows; readonly row: number }): void;
  /** Copies `x` to the columns of `y` from `column` on. */
  copyColumns(x: Rows, y: Rows | Tensor2D, column: number): void;
  linear(x: Rows, weight: Tensor2D, y: Rows | Tensor2D): void;
  rmsNorm(x: Rows, weight: Tensor1D, y: Rows, epsilon: number): void;
  layerNorm(x: Rows, parameters: { weight: Tensor1D; bias: Tensor1D }, y: Rows, epsilon: number): void;
  gelu(x: Rows, y: Rows, kind: GeluKind): void;
  swiGlu(gateUp: Rows, y: Rows): void;
  /** Each row is one position of a sequence of its own. */
  rotate(x: Rows, y: Rows, options: Omit<RotaryOptions, 'inverse'>): void;
  /** One query a sequence, which the first columns of `queries` are, over `kv[B,Tk,2Kd]`. */
  attention(queries: Rows, kv: Tensor3D, y: Rows, settings: AttentionSettings): void;
  /** `y += factor * x`; the product is rounded before it is added. */
  add(x: Rows, y: Rows, factor?: number): void;
}
