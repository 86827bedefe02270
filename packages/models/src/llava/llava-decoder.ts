/** LLaVA as generation drives it: the images are in the embeddings of the prompts, and everything after is Llama's. */
import type { Decoder, tf } from '@triptych/nn';
import { LlamaDecoder } from '../llama/llama-decoder.ts';
import type { Llava, LlavaTexts } from './llava.ts';

export interface LlavaPrompts {
  /** Padded on the left, where they are not of one length. */
  readonly texts: LlavaTexts;
  /** Projected images [N, image_seq_length, D]; null where no prompt has any. They stay the caller's, and are read at once. */
  readonly images: tf.Tensor3D | null;
  /** The most tokens that will be generated. */
  readonly maxNewTokens: number;
}

export class LlavaDecoder implements Decoder {
  readonly #embeddings: tf.Tensor3D;
  readonly #decoder: LlamaDecoder;

  /** @throws TriptychError INVALID_INPUT where images and image tokens differ, or prompts and new tokens exceed the context. */
  constructor(llava: Llava, { texts, images, maxNewTokens }: LlavaPrompts) {
    const embeddings = llava.embed(texts, images);
    try {
      const starts = texts.starts && Int32Array.from(texts.starts);
      this.#decoder = new LlamaDecoder(llava.llama, { embeddings, maxNewTokens, ...(starts && { starts }) });
    } catch (error) {
      embeddings.dispose();
      throw error;
    }
    this.#embeddings = embeddings;
  }

  get batch(): number {
    return this.#decoder.batch;
  }

  prefill(): tf.Tensor2D {
    const logits = this.#decoder.prefill();
    this.#embeddings.dispose();
    return logits;
  }

  step(tokens: Int32Array): tf.Tensor2D {
    return this.#decoder.step(tokens);
  }

  select(sequences: Int32Array): void {
    this.#decoder.select(sequences);
  }

  dispose(): void {
    this.#embeddings.dispose();
    this.#decoder.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
