/** A language model for tests: its logits are a plain function of everything that came before. */
import { type Decoder, type Tensor2D, tf } from '../index.ts';

export class PrefixDecoder implements Decoder {
  /** What each step was asked to compute. */
  readonly batches: number[] = [];
  readonly #logitsOf: (prefix: readonly number[]) => readonly number[];
  #prefixes: readonly (readonly number[])[];

  constructor(
    prompts: readonly (readonly number[])[],
    logitsOf: (prefix: readonly number[]) => readonly number[],
  ) {
    this.#prefixes = prompts;
    this.#logitsOf = logitsOf;
  }

  get batch(): number {
    return this.#prefixes.length;
  }

  prefill(): Tensor2D {
    this.batches.push(this.batch);
    return tf.tensor2d(this.#prefixes.map((prefix) => [...this.#logitsOf(prefix)]));
  }

  step(tokens: Int32Array): Tensor2D {
    this.#prefixes = this.#prefixes.map((prefix, i) => [...prefix, tokens[i]!]);
    return this.prefill();
  }

  select(sequences: Int32Array): void {
    this.#prefixes = Array.from(sequences, (sequence) => this.#prefixes[sequence]!);
  }
}
