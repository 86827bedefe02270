/** What the generation benchmark times: a decoding step, its matrix products alone, and the same token without a cache. */
import { argmax, linear, Parameters, selectRows, tf } from '@triptych/nn';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import { initLlama } from '../llama/initial-weights.ts';
import { llamaLayout } from '../llama/layout.ts';
import { Llama } from '../llama/llama.ts';
import { LlamaDecoder } from '../llama/llama-decoder.ts';
import { selfAttention } from '../llama/sequences.ts';
import { weightsOf } from '../transformer/weights.ts';

export interface DecodingOptions {
  readonly config: LlamaConfig;
  readonly batch: number;
  readonly promptLength: number;
  readonly newTokens: number;
}

export class Decoding {
  readonly #options: DecodingOptions;
  readonly #parameters: Parameters;
  readonly #llama: Llama;
  readonly #prompt: Int32Array;
  readonly #products: readonly { readonly x: tf.Tensor; readonly weight: tf.Tensor2D }[];

  constructor(options: DecodingOptions) {
    const { config, batch, promptLength } = options;
    this.#options = options;
    this.#parameters = new Parameters(llamaLayout(config), initLlama(config, 1));
    this.#llama = new Llama(config, weightsOf(this.#parameters));
    this.#prompt = Int32Array.from({ length: batch * promptLength }, (_, i) => (i * 31) % config.vocab_size);
    this.#products = this.#parameters.layout.specs
      .filter(({ key, shape }) => shape.length === 2 && !key.includes('embed_tokens'))
      .map(({ key, shape }) => ({
        x: tf.ones([batch, shape[1]!]),
        weight: this.#parameters.tensor(key) as tf.Tensor2D,
      }));
  }

  /** Milliseconds of every step after the prefill, and of the prefill; the chosen tokens, step by step. */
  withCache(): { readonly steps: number[]; readonly prefill: number; readonly tokens: number[][] } {
    const { batch, newTokens } = this.#options;
    const embeddings = this.#llama.embed(this.#prompt, batch);
    using decoder = new LlamaDecoder(this.#llama, { embeddings, maxNewTokens: newTokens });
    const tokens: number[][] = [];
    const times: number[] = [];
    while (tokens.length < newTokens) {
      const last = tokens.at(-1);
      times.push(
        timed(() => {
          const logits = last === undefined ? decoder.prefill() : decoder.step(Int32Array.from(last));
          tokens.push(chosen(logits));
        }),
      );
    }
    embeddings.dispose();
    const [prefill, ...steps] = times;
    return { prefill: prefill!, steps, tokens };
  }

  /** The matrix products of one step and nothing else. */
  products(): number {
    return timed(() => {
      for (const { x, weight } of this.#products) linear(x, weight).dispose();
    });
  }

  /** The next token after `tokens`, everything computed anew. */
  withoutCache(tokens: readonly (readonly number[])[]): {
    readonly milliseconds: number;
    readonly next: number[];
  } {
    const { batch, promptLength, config } = this.#options;
    const length = promptLength + tokens.length;
    const ids = Int32Array.from({ length: batch * length }, (_, i) => {
      const [sequence, position] = [Math.floor(i / length), i % length];
      return position < promptLength
        ? this.#prompt[sequence * promptLength + position]!
        : tokens[position - promptLength]![sequence]!;
    });
    let next: number[] = [];
    const milliseconds = timed(() => {
      const logits = tf.tidy(() => {
        const sequences = selfAttention(config, { batch, length });
        const hidden = this.#llama.decode(this.#llama.embed(ids, batch), sequences);
        const last = selectRows(hidden, new Int32Array(batch).fill(length - 1));
        return this.#llama.logits(last) as tf.Tensor2D;
      });
      next = chosen(logits);
    });
    return { milliseconds, next };
  }

  [Symbol.dispose](): void {
    tf.dispose(this.#products.map(({ x }) => x));
    this.#parameters.dispose();
  }
}

function chosen(logits: tf.Tensor2D): number[] {
  const [rows, width] = logits.shape;
  const values = logits.dataSync<'float32'>();
  logits.dispose();
  return Array.from({ length: rows }, (_, i) => argmax(values.subarray(i * width, (i + 1) * width)));
}

function timed(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}
