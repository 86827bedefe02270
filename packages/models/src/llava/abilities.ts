/** What a LLaVA can do besides being trained: answer, and say how likely it holds answers. */
import { logLikelihoods, tf } from '@triptych/nn';
import { generatedText } from '../llama/generated-text.ts';
import type { Generate, Loglikelihood, Prompt } from '../model.ts';
import { patchTensor } from '../vit/patch-tensor.ts';
import type { Llava } from './llava.ts';
import { LlavaDecoder } from './llava-decoder.ts';
import type { LlavaProcessor } from './processor.ts';

export function llavaAbilities(
  llava: Llava,
  processor: LlavaProcessor,
): { readonly generate: Generate; readonly loglikelihood: Loglikelihood } {
  const { tokenizer, text } = processor;
  return {
    async *generate(prompts, limits) {
      if (prompts.length === 0) return;
      using decoder = decoderOf(llava, processor, { prompts, maxNewTokens: limits.maxNewTokens });
      // Templates put a space before an answer.
      const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecial: true }).trimStart();
      yield* generatedText(decoder, { decode, stopTokens: text.stopTokens, limits });
    },

    async loglikelihood(prompts, continuations) {
      const ids = continuations.map((continuation) => text.continuation(continuation));
      const tokens = Int32Array.from(ids, ({ length }) => length);
      const sums = new Float64Array(prompts.length * ids.length);
      if (sums.length === 0) return { sums, tokens: new Int32Array(0) };
      using decoder = decoderOf(llava, processor, { prompts, maxNewTokens: Math.max(...tokens) });
      const found = await logLikelihoods(
        decoder,
        prompts.map(() => ids),
      );
      for (const [i, one] of found.flat().entries()) sums[i] = one.reduce((sum, value) => sum + value, 0);
      return { sums, tokens: Int32Array.from(sums, (_, i) => tokens[i % ids.length]!) };
    },
  };
}

/** The caller disposes it. */
function decoderOf(
  llava: Llava,
  processor: LlavaProcessor,
  { prompts, maxNewTokens }: { readonly prompts: readonly Prompt[]; readonly maxNewTokens: number },
): LlavaDecoder {
  const { texts, patches } = processor.prompts(prompts);
  const images =
    patches.length === 0
      ? null
      : tf.tidy(() => llava.project(llava.imageFeatures(patchTensor(patches, llava.config))));
  try {
    return new LlavaDecoder(llava, { texts, images, maxNewTokens });
  } finally {
    images?.dispose();
  }
}
