/** What generation needs of a language model: the seam that Llama, LLaVA and Flamingo implement. */
import type { Tensor2D } from '../tensorflow.ts';

/** The prompts of a batch and what was generated after them. Whoever makes one disposes it. */
export interface Decoder {
  /** Sequences that are being decoded. */
  readonly batch: number;
  /** Reads the prompts, once: logits `[batch, V]` of the first new token. The caller disposes them. */
  prefill(): Tensor2D;
  /** Appends one token to each sequence: logits `[batch, V]` of the next. The caller disposes them. */
  step(tokens: Int32Array): Tensor2D;
  /** Goes on with these sequences, in this order; one may occur several times, and others not at all. */
  select(sequences: Int32Array): void;
}
