/** What a Flamingo can do besides being trained: go on with prompts, and say how likely it holds continuations. */
import { l2Normalize, logLikelihoods, tf } from '@triptych/nn';
import { generatedText } from '../llama/generated-text.ts';
import type { Generate, Loglikelihood, Prompt, See } from '../model.ts';
import { patchTensor } from '../vit/patch-tensor.ts';
import type { Flamingo } from './flamingo.ts';
import { FlamingoDecoder } from './flamingo-decoder.ts';
import type { FlamingoProcessor } from './processor.ts';

export function flamingoAbilities(
  flamingo: Flamingo,
  processor: FlamingoProcessor,
): { readonly generate: Generate; readonly loglikelihood: Loglikelihood; readonly see: See } {
  const { tokenizer } = processor;
  const { eosToken } = tokenizer;
  const stopTokens = [flamingo.config.end_of_chunk_token_id, ...(eosToken === undefined ? [] : [eosToken])];
  return {
    async *generate(prompts, limits) {
      if (prompts.length === 0) return;
      using reading = new Reading(flamingo, processor, { prompts, maxNewTokens: limits.maxNewTokens });
      const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecial: true });
      const stopWords = prompts.map(({ content }) => processor.text.template(content).stops);
      yield* generatedText(reading.decoder, { decode, stopTokens, stopWords, limits });
    },

    see: {
      width: flamingo.config.vision_config.hidden_size,
      // Not the class token, which nothing else in this model is made of.
      async pictures(pixels) {
        const patches = processor.patches.cut(pixels);
        const rows = tf.tidy(() => {
          const features = flamingo.imageFeatures(patchTensor(patches, flamingo.config));
          return l2Normalize(tf.mean(features, 1));
        });
        try {
          return await rows.data<'float32'>();
        } finally {
          rows.dispose();
        }
      },
    },

    async loglikelihood(prompts, continuations) {
      const ids = continuations.map((text) => processor.text.continuation(text));
      const tokens = Int32Array.from(ids, ({ length }) => length);
      const sums = new Float64Array(prompts.length * ids.length);
      if (sums.length === 0) return { sums, tokens: new Int32Array(0) };
      using reading = new Reading(flamingo, processor, { prompts, maxNewTokens: Math.max(...tokens) });
      const found = await logLikelihoods(
        reading.decoder,
        prompts.map(() => ids),
      );
      for (const [i, one] of found.flat().entries()) sums[i] = one.reduce((sum, value) => sum + value, 0);
      return { sums, tokens: Int32Array.from(sums, (_, i) => tokens[i % ids.length]!) };
    },
  };
}

/** A decoder with the media that it reads. */
class Reading implements Disposable {
  readonly decoder: FlamingoDecoder;
  readonly #media: tf.Tensor3D;

  constructor(
    flamingo: Flamingo,
    processor: FlamingoProcessor,
    { prompts, maxNewTokens }: { readonly prompts: readonly Prompt[]; readonly maxNewTokens: number },
  ) {
    const { texts, images, patches } = processor.prompts(prompts);
    const { ids, batch, starts } = texts;
    this.#media = tf.tidy(() => {
      const features = flamingo.imageFeatures(patchTensor(patches, flamingo.config));
      return flamingo.media(features, { images });
    });
    try {
      this.decoder = new FlamingoDecoder(flamingo, {
        ids,
        batch,
        media: this.#media,
        maxNewTokens,
        ...(starts && { starts: Int32Array.from(starts) }),
      });
    } catch (error) {
      this.#media.dispose();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.decoder.dispose();
    this.#media.dispose();
  }
}
