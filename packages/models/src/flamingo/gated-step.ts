/**
 * What one position more of each sequence sees of its images, computed without tensors: `gatedBlockOver`, bit for bit. A test
 * holds the two together.
 */
import { type Rows, type StepKernels, tf } from '@triptych/nn';
import { releaseRows, type StepRows, stepRows } from '../transformer/step-rows.ts';
import type { Weights } from '../transformer/weights.ts';
import type { GatedBlockOptions } from './gated-block.ts';

export interface GatedStepOptions {
  readonly weights: Weights;
  readonly kernels: StepKernels;
  readonly batch: number;
  readonly widths: {
    readonly hidden: number;
    /** Of all heads together. */
    readonly queries: number;
    readonly inner: number;
  };
}

export class GatedStep implements Disposable {
  readonly batch: number;
  readonly #options: GatedStepOptions;
  readonly #rows: StepRows<'normed' | 'branch' | 'queries' | 'attended' | 'wide' | 'inner'>;
  /** Gates as factors, by key: they do not change while a text is generated. */
  readonly #factors = new Map<string, number>();

  constructor(options: GatedStepOptions) {
    const { kernels, batch, widths } = options;
    const { hidden, queries, inner } = widths;
    this.batch = batch;
    this.#options = options;
    this.#rows = stepRows(kernels, batch, {
      ...{ normed: hidden, branch: hidden },
      ...{ queries, attended: queries },
      ...{ wide: inner, inner },
    });
  }

  /** Adds to `hidden` [B, D] what it sees of the keys and values [B, M, 2Hd] of block `name`. */
  add(
    hidden: Rows,
    keysAndValues: tf.Tensor3D,
    { name, attention }: Pick<GatedBlockOptions, 'name' | 'attention'>,
  ): void {
    const { kernels: step, weights } = this.#options;
    const { normed, branch, queries, attended, wide, inner } = this.#rows;
    const weight = (part: string) => weights<tf.Rank.R2>(`${name}.${part}.weight`);
    this.#norm(hidden, `${name}.attn.norm`);
    step.linear(normed, weight('attn.to_q'), queries);
    const { heads, mask, blind = 'zero' } = attention;
    step.attention(queries, keysAndValues, attended, { heads, keyValueHeads: heads, mask, blind });
    step.linear(attended, weight('attn.to_out'), branch);
    step.add(branch, hidden, this.#factor(`${name}.attn_gate`));
    this.#norm(hidden, `${name}.ff.0`);
    step.linear(normed, weight('ff.1'), wide);
    step.gelu(wide, inner, 'gelu');
    step.linear(inner, weight('ff.3'), branch);
    step.add(branch, hidden, this.#factor(`${name}.ff_gate`));
  }

  #norm(x: Rows, name: string): void {
    const { kernels: step, weights } = this.#options;
    const parameters = {
      weight: weights<tf.Rank.R1>(`${name}.weight`),
      bias: weights<tf.Rank.R1>(`${name}.bias`),
    };
    step.layerNorm(x, parameters, this.#rows.normed, 1e-5);
  }

  #factor(gate: string): number {
    const known = this.#factors.get(gate);
    if (known !== undefined) return known;
    const factor = tf.tidy(() => tf.tanh(this.#options.weights(gate)).dataSync()[0]!);
    this.#factors.set(gate, factor);
    return factor;
  }

  [Symbol.dispose](): void {
    releaseRows(this.#options.kernels, this.#rows);
  }
}
