/** Generation with a cache against the full forward pass, and against Hugging Face's `generate`. */
import { readFileSync } from 'node:fs';
import {
  beamSearch,
  collectTokens,
  type EndedBeam,
  generate,
  Parameters,
  selectBackend,
  tf,
} from '@triptych/nn';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { parseLlamaConfig } from '../catalog/llama-config.ts';
import { expectTensor, openCase } from '../testing/golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { llamaLayout } from './layout.ts';
import { Llama } from './llama.ts';
import { LlamaDecoder } from './llama-decoder.ts';
import { selfAttention } from './sequences.ts';
import { loadLlamaWeights } from './weight-file.ts';

const golden = openCase('llama');
const config = parseLlamaConfig(golden.config);
const beamCases = JSON.parse(
  readFileSync(new URL('../../fixtures/llama-beams/case.json', import.meta.url), 'utf8'),
) as {
  readonly prompts: number[][];
  readonly cases: readonly {
    readonly beams: number;
    readonly maxNewTokens: number;
    readonly lengthPenalty: number;
    readonly earlyStopping: boolean | 'never';
    readonly stopTokens: number[];
    readonly expected: readonly (readonly (Omit<EndedBeam, 'score'> & { readonly score?: number })[])[];
  }[];
};
const prompts = beamCases.prompts;

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  let llama: Llama;

  beforeAll(async () => {
    await selectBackend({ backend });
    const parameters = new Parameters(llamaLayout(config), loadLlamaWeights(golden.weights, config));
    llama = new Llama(config, weightsOf(parameters));
    return () => parameters.dispose();
  });

  /** A decoder of padded prompts, for the time of `use`. */
  async function decoding<T>(
    texts: readonly (readonly number[])[],
    maxNewTokens: number,
    use: (decoder: LlamaDecoder) => Promise<T>,
  ): Promise<T> {
    const before = tf.memory().numTensors;
    const length = Math.max(...texts.map((text) => text.length));
    const starts = Int32Array.from(texts, (text) => length - text.length);
    const ids = texts.flatMap((text) => [...new Array<number>(length - text.length).fill(0), ...text]);
    const embeddings = llama.embed(Int32Array.from(ids), texts.length);
    const padding = starts.every((start) => start === 0) ? {} : { starts };
    const decoder = new LlamaDecoder(llama, { embeddings, maxNewTokens, ...padding });
    try {
      return await use(decoder);
    } finally {
      decoder.dispose();
      embeddings.dispose();
      expect(tf.memory().numTensors).toBe(before);
    }
  }
  const greedy = (texts: readonly (readonly number[])[], maxNewTokens: number) =>
    decoding(texts, maxNewTokens, (decoder) =>
      collectTokens(generate(decoder, { maxNewTokens }), texts.length),
    );

  test('greedy search continues as Hugging Face does, token for token', async () => {
    const [batch, length] = golden.input('prompt_ids').shape as [number, number];
    const ids = golden.input('prompt_ids').float32();
    const texts = Array.from({ length: batch }, (_, b) => [...ids.subarray(b * length, (b + 1) * length)]);
    expect((await greedy(texts, 12)).flat()).toEqual([...golden.expected('generated_ids')]);
  });

  test('logits through the cache are those of the full forward pass', async () => {
    const text = [1, 17, 300, 45, 8, 2, 9, 250, 33, 7];
    const whole = tf.tidy(() => {
      const sequences = selfAttention(config, { batch: 1, length: text.length });
      return llama.logits(llama.decode(llama.embed(Int32Array.from(text), 1), sequences)).dataSync();
    }) as Float32Array;
    const expected = (position: number) =>
      whole.slice(position * config.vocab_size, (position + 1) * config.vocab_size);
    await decoding([text.slice(0, 4)], 6, async (decoder) => {
      let logits = decoder.prefill();
      for (let position = 3; ; position++) {
        // Float32 sums in another order.
        expectTensor(`position ${position}`, logits.dataSync(), expected(position), {
          relative: 2e-6,
          absolute: 0,
        });
        logits.dispose();
        if (position + 1 === text.length) break;
        logits = decoder.step(Int32Array.of(text[position + 1]!));
      }
      // Two layers, ten positions, keys and values of two heads of 16 in float32.
      expect(decoder.cacheBytes).toBe(2 * 10 * 2 * 2 * 16 * 4);
    });
  });

  test.runIf(backend === 'wasm')(
    'steps without tensors have the bits of those with, while sequences come and go',
    async () => {
      const steps = async () => {
        const rows: number[][] = [];
        await decoding(prompts, 6, async (decoder) => {
          decoder.prefill().dispose();
          const selections = [undefined, [2, 0, 0], [1], undefined];
          for (const [i, selected] of selections.entries()) {
            if (selected) decoder.select(Int32Array.from(selected));
            const logits = decoder.step(Int32Array.from({ length: decoder.batch }, (_, b) => 5 + 7 * i + b));
            rows.push([...(await logits.data<'float32'>())]);
            logits.dispose();
          }
        });
        return rows;
      };
      const found = await steps();
      using _ = vi.spyOn(llama, 'decodingStep').mockReturnValue(undefined);
      expect(found).toEqual(await steps());
    },
  );

  test('a padded batch continues as each of its prompts alone', async () => {
    const together = await greedy(prompts, 10);
    for (const [i, prompt] of prompts.entries()) expect(await greedy([prompt], 10)).toEqual([together[i]]);
  });

  test.each(beamCases.cases)(
    '$beams beams, penalty $lengthPenalty, early stopping $earlyStopping, stop $stopTokens: as Hugging Face',
    async ({ expected, ...options }) => {
      const found = await decoding(prompts, options.maxNewTokens, (decoder) => beamSearch(decoder, options));
      for (const [i, beams] of expected.entries())
        for (const [rank, { tokens, reason, score }] of beams.entries()) {
          expect(found[i]![rank], `prompt ${i}, rank ${rank}`).toMatchObject({ tokens, reason });
          // Sums of float32 log probabilities there.
          if (score !== undefined) expect(found[i]![rank]!.score / score).toBeCloseTo(1, 5);
        }
    },
  );

  test('who stops in the middle leaves nothing behind', async () => {
    await decoding(prompts, 10, async (decoder) => {
      for await (const event of generate(decoder, { maxNewTokens: 10, stopTokens: [121] }))
        if (event.kind === 'token' && event.sequence === 2) break;
    });
    const signal = AbortSignal.abort(new Error('enough'));
    const aborted = decoding(prompts, 10, (decoder) =>
      collectTokens(generate(decoder, { maxNewTokens: 10, signal }), 3),
    );
    await expect(aborted).rejects.toThrow('enough');
  });

  test('what does not fit into the context is refused at once', async () => {
    await expect(greedy([[1, 2]], 255)).rejects.toThrow(
      'a prompt of 2 and 255 new tokens do not fit into the context of 256; shorten one of the two',
    );
  });
});
