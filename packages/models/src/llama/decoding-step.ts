/**
 * One position more of each sequence, computed without tensors (`StepKernels`): what a token costs is then its arithmetic.
 * The same mathematics as `decoderBlock`, bit for bit; a test holds the two together.
 */
import type { KeyValueCache, Rows, StepKernels, tf } from '@triptych/nn';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import { releaseRows, type StepRows, stepRows } from '../transformer/step-rows.ts';
import type { Weights } from '../transformer/weights.ts';
import { anglesAt } from './sequences.ts';
import type { TokenTable } from './token-table.ts';

export interface DecodingStepOptions {
  readonly config: LlamaConfig;
  readonly weights: Weights;
  /** Of the parameter names, up to and without `model.`. */
  readonly prefix: string;
  readonly table: TokenTable;
  readonly kernels: StepKernels;
  /** Sequences. */
  readonly batch: number;
}

/** Called before each block with the hidden states, which it may add to. */
export type BeforeStepBlock = (hidden: Rows, layer: number) => void;

export class DecodingStep implements Disposable {
  readonly batch: number;
  readonly #options: DecodingStepOptions;
  readonly #rows: StepRows<keyof ReturnType<typeof widthsOf>>;

  constructor(options: DecodingStepOptions) {
    const { batch, config } = options;
    this.batch = batch;
    this.#options = options;
    this.#rows = stepRows(options.kernels, batch, widthsOf(config));
  }

  /** Appends one token to each sequence: logits [batch, V] of the next. The caller disposes them. */
  logits(tokens: Int32Array, cache: KeyValueCache, beforeBlock?: BeforeStepBlock): tf.Tensor2D {
    const { config, kernels: step } = this.#options;
    const { hidden, normed } = this.#rows;
    this.#embed(tokens);
    const { starts, length: past } = cache;
    const rotary = anglesAt(config, { batch: this.batch, length: 1, ...(starts && { starts }), past });
    const heads = config.num_attention_heads + config.num_key_value_heads;
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      beforeBlock?.(hidden, layer);
      this.#block(layer, (qkv, turned, attended) => {
        step.rotate(qkv, turned, { table: rotary, heads });
        cache.attendStep(step, turned, { y: attended, layer });
      });
    }
    this.#norm('norm', hidden, normed);
    return this.#logits();
  }

  #block(layer: number, attend: (qkv: Rows, turned: Rows, attended: Rows) => void): void {
    const { kernels: step } = this.#options;
    const { hidden, normed, qkv, turned, attended, gateUp, inner, branch } = this.#rows;
    const weight = (name: string) => this.#weight<tf.Rank.R2>(`layers.${layer}.${name}`);
    this.#norm(`layers.${layer}.input_layernorm`, hidden, normed);
    step.linear(normed, weight('self_attn.qkv_proj'), qkv);
    attend(qkv, turned, attended);
    step.linear(attended, weight('self_attn.o_proj'), branch);
    step.add(branch, hidden);
    this.#norm(`layers.${layer}.post_attention_layernorm`, hidden, normed);
    step.linear(normed, weight('mlp.gate_up_proj'), gateUp);
    step.swiGlu(gateUp, inner);
    step.linear(inner, weight('mlp.down_proj'), branch);
    step.add(branch, hidden);
  }

  #embed(tokens: Int32Array): void {
    const { table, kernels: step } = this.#options;
    const { rows, newRows } = table;
    const [old] = rows.shape;
    for (const [i, token] of tokens.entries()) {
      const [from, id] = newRows === undefined || token < old ? [rows, token] : [newRows, token - old];
      step.embed(from, id, { y: this.#rows.hidden, row: i });
    }
  }

  #logits(): tf.Tensor2D {
    const { kernels: step, batch } = this.#options;
    const { normed } = this.#rows;
    const parts = this.#heads();
    if (parts.length === 1) {
      const logits = step.tensor(batch, parts[0]!.shape[0]);
      step.linear(normed, parts[0]!, logits);
      return logits;
    }
    const logits = step.tensor(
      batch,
      parts.reduce((sum, { shape }) => sum + shape[0], 0),
    );
    let column = 0;
    for (const part of parts) {
      const columns = step.rows(batch, part.shape[0]);
      step.linear(normed, part, columns);
      step.copyColumns(columns, logits, column);
      step.release(columns);
      column += part.shape[0];
    }
    return logits;
  }

  /** What the hidden states are multiplied by, one after the other. */
  #heads(): readonly tf.Tensor2D[] {
    const { config, weights, prefix, table } = this.#options;
    if (!config.tie_word_embeddings) return [weights<tf.Rank.R2>(`${prefix}lm_head.weight`)];
    return table.newRows === undefined ? [table.rows] : [table.rows, table.newRows];
  }

  #norm(name: string, x: Rows, y: Rows): void {
    const { kernels: step, config } = this.#options;
    step.rmsNorm(x, this.#weight<tf.Rank.R1>(name), y, config.rms_norm_eps);
  }

  #weight<R extends tf.Rank>(name: string): tf.Tensor<R> {
    const { weights, prefix } = this.#options;
    return weights<R>(`${prefix}model.${name}.weight`);
  }

  [Symbol.dispose](): void {
    releaseRows(this.#options.kernels, this.#rows);
  }
}

/** What a step writes, and writes again in each layer. */
function widthsOf(config: LlamaConfig) {
  const { hidden_size, intermediate_size, num_attention_heads, num_key_value_heads, head_dim } = config;
  const qkv = (num_attention_heads + 2 * num_key_value_heads) * head_dim;
  return {
    hidden: hidden_size,
    normed: hidden_size,
    branch: hidden_size,
    qkv,
    turned: qkv,
    attended: num_attention_heads * head_dim,
    gateUp: 2 * intermediate_size,
    inner: intermediate_size,
  };
}
