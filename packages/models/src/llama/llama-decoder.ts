/** Llama as generation drives it: prompts read once, then one position a step through a cache of keys and values. */
import { type Decoder, KeyValueCache, selectRows, tf } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import type { BeforeStepBlock, DecodingStep } from './decoding-step.ts';
import type { DecodeOptions, Llama } from './llama.ts';
import { anglesAt } from './sequences.ts';

export interface LlamaPrompts {
  /** Embeddings [B, T, D] of the prompts, images among them perhaps. They stay the caller's, and are read by `prefill`. */
  readonly embeddings: tf.Tensor3D;
  /** Left padding: the first real position of each prompt. Absent: none. */
  readonly starts?: Int32Array;
  /** The most tokens that will be generated. */
  readonly maxNewTokens: number;
  /** As in `Llama.decode`, on the positions that are new in each pass. */
  readonly beforeBlock?: DecodeOptions['beforeBlock'];
  /** The same for a position that is computed without tensors. */
  readonly beforeStepBlock?: BeforeStepBlock;
}

export class LlamaDecoder implements Decoder {
  readonly #llama: Llama;
  readonly #prompts: LlamaPrompts;
  readonly #cache: KeyValueCache;
  #batch: number;
  /** Made for the sequences that are being decoded; undefined where it was not needed yet, or cannot be had. */
  #step: DecodingStep | undefined;

  /** @throws TriptychError INVALID_INPUT where prompts and new tokens are longer than the model's context. */
  constructor(llama: Llama, prompts: LlamaPrompts) {
    const { config } = llama;
    const [batch, length] = prompts.embeddings.shape;
    const reserve = length + prompts.maxNewTokens;
    if (reserve > config.max_position_embeddings) {
      const context = config.max_position_embeddings;
      const message = `a prompt of ${length} and ${prompts.maxNewTokens} new tokens do not fit into the context of ${context}`;
      throw new TriptychError('INVALID_INPUT', `${message}; shorten one of the two`);
    }
    this.#llama = llama;
    this.#prompts = prompts;
    this.#batch = batch;
    this.#cache = new KeyValueCache({
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
      keyValueHeads: config.num_key_value_heads,
      ...(prompts.starts && { starts: prompts.starts }),
      reserve,
    });
  }

  get batch(): number {
    return this.#batch;
  }

  /** Memory of the cache. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  prefill(): tf.Tensor2D {
    return this.#logits(() => this.#prompts.embeddings);
  }

  step(tokens: Int32Array): tf.Tensor2D {
    if (this.#step?.batch !== this.#batch) {
      this.#step?.[Symbol.dispose]();
      this.#step = this.#llama.decodingStep(this.#batch);
    }
    if (this.#step === undefined) return this.#logits(() => this.#llama.embed(tokens, this.#batch));
    return this.#step.logits(tokens, this.#cache, this.#prompts.beforeStepBlock);
  }

  select(sequences: Int32Array): void {
    this.#cache.select(sequences);
    this.#batch = sequences.length;
  }

  dispose(): void {
    this.#step?.[Symbol.dispose]();
    this.#step = undefined;
    this.#cache.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Of the last of the new positions. */
  #logits(embed: () => tf.Tensor3D): tf.Tensor2D {
    const { beforeBlock } = this.#prompts;
    const cache = this.#cache;
    return tf.tidy(() => {
      const embeddings = embed();
      const [batch, length] = embeddings.shape;
      const { starts } = cache;
      const hidden = this.#llama.decode(embeddings, {
        rotary: anglesAt(this.#llama.config, {
          batch,
          length,
          ...(starts && { starts }),
          past: cache.length,
        }),
        attend: (qkv, layer) => cache.attend(qkv, layer),
        ...(beforeBlock && { beforeBlock }),
      });
      const last = selectRows(hidden, new Int32Array(batch).fill(length - 1));
      return this.#llama.logits(last) as tf.Tensor2D;
    });
  }
}
