/**
 * The keys and values of every position that was decoded, layer by layer, as attention needs them (already rotated): a
 * new token is computed alone. Sequences of different lengths are padded on the left. It is not differentiable.
 */
import assert from 'node:assert';
import { type AttentionMask, sequenceMask } from '../kernels/attention-mask.ts';
import { kernels } from '../kernels/kernels.ts';
import type { Rows, StepKernels } from '../kernels/step-kernels.ts';
import { attention, crossAttention } from '../ops/attention.ts';
import { type Tensor3D, tf } from '../tensorflow.ts';

export interface KeyValueCacheOptions {
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  /** Left padding: the first real position of each sequence. Absent: none. */
  readonly starts?: Int32Array;
  /** Positions that the cache will hold in the end. It may be exceeded, at the cost of copies. */
  readonly reserve: number;
}

interface Layer {
  /** `[B,C,2Kd]`, keys | values, of which `length` rows are in use. */
  rows: Tensor3D | undefined;
  length: number;
}

export class KeyValueCache {
  readonly #options: KeyValueCacheOptions;
  readonly #layers: Layer[];
  #starts: Int32Array | undefined;

  constructor(options: KeyValueCacheOptions) {
    this.#options = options;
    this.#layers = Array.from({ length: options.layers }, () => ({ rows: undefined, length: 0 }));
    this.#starts = options.starts;
  }

  /** Positions that all layers have seen. */
  get length(): number {
    return this.#layers.at(-1)!.length;
  }

  /** Left padding of the sequences, as selected. */
  get starts(): Int32Array | undefined {
    return this.#starts;
  }

  /** What is allocated now. */
  get bytes(): number {
    return this.#layers.reduce((sum, { rows }) => sum + 4 * (rows?.size ?? 0), 0);
  }

  /**
   * Appends the keys and values of `qkv[B,T,(H+2K)d]` to a layer and lets its queries see them, causally, and all that
   * was there before: `[B,T,Hd]`. To be called once for each layer of a pass, inside a tidy.
   */
  attend(qkv: Tensor3D, layer: number): Tensor3D {
    const { heads, keyValueHeads } = this.#options;
    const past = this.#layers[layer]!.length;
    const [batch, queries, width] = qkv.shape;
    const queryWidth = (width * heads) / (heads + 2 * keyValueHeads);
    const appended = this.#append(qkv, layer, queryWidth);
    if (past === 0)
      return attention(qkv, {
        heads,
        keyValueHeads,
        mask: this.#mask({ batch, queries, past, keys: queries }),
      });
    const mask = this.#mask({ batch, queries, past, keys: appended.shape[1] });
    const q = tf.slice(qkv, 0, [batch, queries, queryWidth]);
    return crossAttention(q, appended, { heads, keyValueHeads, mask });
  }

  /**
   * The same for one new position of each sequence, after the prompts, by the kernels of a decoding step: `qkv[B,(H+2K)d]` to
   * `y[B,Hd]`.
   */
  attendStep(step: StepKernels, qkv: Rows, { y, layer }: { readonly y: Rows; readonly layer: number }): void {
    const { heads, keyValueHeads } = this.#options;
    const past = this.#layers[layer]!.length;
    const [batch, width] = qkv.shape;
    const { dataId, dtype } = qkv;
    const position = { dataId, dtype, shape: [batch, 1, width] } as unknown as Tensor3D;
    const kv = this.#append(position, layer, y.shape[1]);
    const mask = this.#mask({ batch, queries: 1, past, keys: kv.shape[1] });
    step.attention(qkv, kv, y, { heads, keyValueHeads, mask, blind: 'zero' });
  }

  /** What the cache of a layer is then. */
  #append(qkv: Tensor3D, layer: number, column: number): Tensor3D {
    const { reserve } = this.#options;
    const state = this.#layers[layer]!;
    const { rows, length } = state;
    const appended = kernels().appendRows(qkv, { ...(rows && { cache: rows }), length, column, reserve });
    if (appended !== rows) {
      rows?.dispose();
      state.rows = tf.keep(appended);
    }
    state.length = length + qkv.shape[1];
    return appended;
  }

  /** Goes on with these sequences, in this order; one may occur several times. */
  select(sequences: Int32Array): void {
    for (const state of this.#layers) {
      const { rows } = state;
      if (rows === undefined) continue;
      const [batch, capacity, width] = rows.shape;
      if (sequences.length === batch && sequences.every((sequence, i) => sequence === i)) return;
      state.rows = tf.tidy(() => {
        const table = tf.reshape<tf.Rank.R2>(rows, [batch, capacity * width]);
        const selected = kernels().gatherRows(table, tf.tensor1d(sequences, 'int32'));
        return tf.keep(tf.reshape(selected, [sequences.length, capacity, width]));
      });
      rows.dispose();
    }
    this.#starts = this.#starts && sequences.map((sequence) => this.#starts![sequence]!);
  }

  dispose(): void {
    for (const state of this.#layers) {
      state.rows?.dispose();
      state.rows = undefined;
      state.length = 0;
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** `keys` may be more than what was written: a range leaves out the rest. */
  #mask({
    batch,
    queries,
    past,
    keys,
  }: {
    batch: number;
    queries: number;
    past: number;
    keys: number;
  }): AttentionMask {
    const starts = this.#starts;
    assert(
      starts === undefined || starts.length === batch,
      `a cache of ${starts?.length} sequences, not ${batch}`,
    );
    if (starts === undefined && past === 0) return 'causal';
    if (starts === undefined && queries === 1 && keys === past + 1) return 'full';
    const padding = starts === undefined ? {} : { starts };
    return { ...sequenceMask({ batch, queries, past, causal: true, ...padding }), keys };
  }
}

/** What a cache takes in memory when `length` positions of `batch` sequences are reserved. */
export const keyValueCacheBytes = (shape: {
  readonly layers: number;
  readonly batch: number;
  readonly length: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
}): number => 4 * shape.layers * shape.batch * shape.length * 2 * shape.keyValueHeads * shape.headDim;
