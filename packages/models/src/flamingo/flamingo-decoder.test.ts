/** Generation through the caches against OpenFlamingo's, and against the full forward pass. */
import {
  beamSearch,
  collectTokens,
  generate,
  logLikelihoods,
  type Parameters,
  selectBackend,
  tf,
} from '@triptych/nn';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openFlamingoCase, parametersOf } from '../testing/flamingo-golden.ts';
import { expectTensor } from '../testing/golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { patchify } from '../vit/patchify.ts';
import { Flamingo } from './flamingo.ts';
import { FlamingoDecoder } from './flamingo-decoder.ts';

const cases = ['flamingo-every1', 'flamingo-every2'].map(openFlamingoCase);

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  describe.each(cases)('$case', (golden) => {
    const { flamingo: config } = golden;
    const [promptLength, images] = [
      golden.input('prompt_ids').shape[1]!,
      golden.input('prompt_vision_x').shape[1]!,
    ];
    const prompt = [...golden.input('prompt_ids').float32()];
    const vocabulary = config.text_config.vocab_size;
    let parameters: Parameters;
    let flamingo: Flamingo;
    let media: tf.Tensor3D;

    beforeAll(async () => {
      await selectBackend({ backend });
      parameters = parametersOf(golden);
      flamingo = new Flamingo(config, weightsOf(parameters));
      const { image_size: size, patch_size: patch } = config.vision_config;
      const cut = patchify(golden.input('prompt_vision_x').float32(), { images, size, patch });
      media = tf.tidy(() => {
        const patches = tf.tensor3d(cut, [images, (size / patch) ** 2, 3 * patch * patch]);
        return flamingo.media(flamingo.imageFeatures(patches), { images });
      });
    });
    afterAll(() => {
      media.dispose();
      parameters.dispose();
    });

    /** A decoder of padded prompts that all have the same pictures, for the time of `use`. */
    async function decoding<T>(
      prompts: readonly (readonly number[])[],
      maxNewTokens: number,
      use: (decoder: FlamingoDecoder) => Promise<T>,
    ): Promise<T> {
      const before = tf.memory().numTensors;
      const batch = prompts.length;
      const length = Math.max(...prompts.map((ids) => ids.length));
      const starts = Int32Array.from(prompts, (ids) => length - ids.length);
      const ids = prompts.flatMap((one) => [...new Array<number>(length - one.length).fill(0), ...one]);
      const padding = starts.every((start) => start === 0) ? {} : { starts };
      const repeated = tf.tile(media, [batch, 1, 1]);
      const options = { ids: Int32Array.from(ids), batch, media: repeated, maxNewTokens, ...padding };
      const decoder = new FlamingoDecoder(flamingo, options);
      try {
        return await use(decoder);
      } finally {
        decoder.dispose();
        repeated.dispose();
        expect(tf.memory().numTensors).toBe(before);
      }
    }

    /** Of each position of a text, by the full forward pass. */
    const wholeLogits = (ids: readonly number[]) =>
      tf.tidy(() => {
        const texts = { ids: Int32Array.from(ids), batch: 1, length: ids.length };
        return flamingo.logits(flamingo.decode(texts, media)).dataSync<'float32'>().slice();
      });

    test('greedy search continues as OpenFlamingo does, with its logits', async () => {
      const expected = [...golden.expected('generated_ids')];
      const logits = golden.expected('generated_logits');
      await decoding([prompt], expected.length, async (decoder) => {
        let found = decoder.prefill();
        for (const [i, token] of expected.entries()) {
          const row = found.dataSync<'float32'>().slice();
          found.dispose();
          const reference = logits.subarray(i * vocabulary, (i + 1) * vocabulary);
          expectTensor(`logits of step ${i}`, row, reference, { relative: 1e-5, absolute: 1e-5 });
          expect(row.indexOf(Math.max(...row))).toBe(token);
          if (i + 1 < expected.length) found = decoder.step(Int32Array.of(token));
        }
      });
    });

    test('a padded batch continues as each of its prompts alone, and so do its beams', async () => {
      const prompts = [prompt, prompt.slice(0, promptLength - 3), prompt.slice(0, 1)];
      const greedy = (texts: readonly (readonly number[])[]) =>
        decoding(texts, 5, (decoder) => collectTokens(generate(decoder, { maxNewTokens: 5 }), texts.length));
      const beams = (texts: readonly (readonly number[])[]) =>
        decoding(texts, 4, (decoder) =>
          beamSearch(decoder, { beams: 3, maxNewTokens: 4, lengthPenalty: 0, earlyStopping: false }),
        );
      const [together, searched] = [await greedy(prompts), await beams(prompts)];
      for (const [i, one] of prompts.entries()) {
        expect(await greedy([one])).toEqual([together[i]]);
        const [alone] = await beams([one]);
        expect(searched[i]!.map(({ tokens }) => tokens)).toEqual(alone!.map(({ tokens }) => tokens));
      }
    });

    test.runIf(backend === 'wasm')(
      'steps without tensors have the bits of those with, in a batch and alone',
      async () => {
        const [word, added] = [7, config.end_of_chunk_token_id];
        const steps = async (prompts: readonly (readonly number[])[]) => {
          const rows: number[][] = [];
          await decoding(prompts, 4, async (decoder) => {
            decoder.prefill().dispose();
            for (const token of [word, added, word]) {
              const logits = decoder.step(new Int32Array(decoder.batch).fill(token));
              rows.push([...(await logits.data<'float32'>())]);
              logits.dispose();
            }
          });
          return rows;
        };
        const prompts = [prompt, prompt.slice(0, 1), [...prompt.slice(0, promptLength - 2)]];
        for (const some of [prompts, [prompt]]) {
          const found = await steps(some);
          using _ = vi.spyOn(flamingo.llama, 'decodingStep').mockReturnValue(undefined);
          expect(found).toEqual(await steps(some));
        }
      },
    );

    test('the likelihood of continuations is that of the full forward pass', async () => {
      const continuations = [[5], [7, 8, 9], [7, 11]];
      const [found] = await decoding([prompt], 3, (decoder) => logLikelihoods(decoder, [continuations]));
      for (const [i, tokens] of continuations.entries()) {
        const logits = wholeLogits([...prompt, ...tokens]);
        const expected = tokens.map((token, j) => {
          const at = (promptLength - 1 + j) * vocabulary;
          const row = [...logits.subarray(at, at + vocabulary)];
          return row[token]! - Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
        });
        // Float32 sums in another order.
        expectTensor('log-probabilities', found![i]!, Float32Array.from(expected), {
          relative: 1e-5,
          absolute: 0,
        });
      }
    });

    test('a prompt that shows more images than it has is refused', async () => {
      const shown = new Array<number>(images + 1).fill(config.image_token_id);
      await expect(decoding([shown], 1, async () => undefined)).rejects.toThrow(`text 0 shows ${images + 1}`);
      await expect(decoding([[1]], 256, async () => undefined)).rejects.toThrow('context of 256');
    });
  });
});
