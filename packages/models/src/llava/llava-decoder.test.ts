/** Generation after images against Hugging Face's `generate`, prompts alone and padded to a batch. */
import { collectTokens, type Decoder, generate, Parameters, selectBackend, tf } from '@triptych/nn';
import { beforeAll, describe, expect, test } from 'vitest';
import { padLeft } from '../llama/padded-texts.ts';
import { expectTensor } from '../testing/golden.ts';
import { LlavaGolden } from '../testing/llava-golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { llavaLayout } from './layout.ts';
import { Llava } from './llava.ts';
import { LlavaDecoder } from './llava-decoder.ts';

// The first has one prompt; the second two, of different lengths.
const cases = (['cpu', 'wasm'] as const).flatMap((backend) =>
  ['llava', 'llava-layers'].map((name) => [backend, name] as const),
);

describe.each(cases)('on %s, %s', (backend, name) => {
  const golden = new LlavaGolden(name);
  const { config } = golden;
  const prompts = promptsOf(golden);
  const width = config.text_config.vocab_size;
  const newTokens = golden.expected('generated_ids').length / prompts.length;
  let llava: Llava;

  beforeAll(async () => {
    await selectBackend({ backend });
    const parameters = new Parameters(llavaLayout(config), golden.flat());
    llava = new Llava(config, weightsOf(parameters));
    return () => parameters.dispose();
  });

  /** A decoder of these prompts, for the time of `use`. */
  async function decoding<T>(chosen: readonly number[], use: (decoder: Decoder) => Promise<T>): Promise<T> {
    const before = tf.memory().numTensors;
    const { values, shape } = golden.patches('prompt_pixel_values');
    const images = tf.tidy(() => {
      const patches = tf.tensor3d(values, shape);
      const rows = llava.project(llava.imageFeatures(patches));
      return tf.gather(rows, tf.tensor1d([...chosen], 'int32'));
    });
    const texts = padLeft(chosen.map((i) => prompts[i]!));
    const imageCounts = golden.countsOf(texts.ids, texts.batch);
    const decoder = new LlavaDecoder(llava, {
      texts: { ...texts, imageCounts },
      images,
      maxNewTokens: newTokens,
    });
    try {
      return await use(decoder);
    } finally {
      decoder.dispose();
      images.dispose();
      expect(tf.memory().numTensors).toBe(before);
    }
  }

  const all = [...prompts.keys()];

  test('it continues as Hugging Face does, token for token', async () => {
    const tokens = await decoding(all, (decoder) =>
      collectTokens(generate(decoder, { maxNewTokens: newTokens }), prompts.length),
    );
    expect(tokens.flat()).toEqual([...golden.expected('generated_ids')]);
  });

  test('the logits that chose the tokens are the same', async () => {
    const ids = golden.expected('generated_ids');
    const expected = golden.expected('generated_logits');
    const row = (b: number, position: number) => {
      const start = (b * newTokens + position) * width;
      return expected.slice(start, start + width);
    };
    await decoding(all, async (decoder) => {
      for (let position = 0; position < newTokens; position++) {
        const tokens = Int32Array.from(all, (b) => ids[b * newTokens + position - 1]!);
        const logits = position === 0 ? decoder.prefill() : decoder.step(tokens);
        const values = logits.dataSync<'float32'>().slice();
        logits.dispose();
        for (const b of all)
          expectTensor(
            `prompt ${b}, token ${position}`,
            values.subarray(b * width, (b + 1) * width),
            row(b, position),
            {
              relative: 1e-5,
              absolute: 1e-5,
            },
          );
      }
    });
  });

  test('each prompt alone continues as it does in the batch', async () => {
    const ids = [...golden.expected('generated_ids')];
    for (const b of all) {
      const [tokens] = await decoding([b], (decoder) =>
        collectTokens(generate(decoder, { maxNewTokens: newTokens }), 1),
      );
      expect(tokens).toEqual(ids.slice(b * newTokens, (b + 1) * newTokens));
    }
  });
});

test('a prompt that does not fit leaves no tensor behind', async () => {
  await selectBackend({ backend: 'cpu' });
  const golden = new LlavaGolden('llava');
  using parameters = new Parameters(llavaLayout(golden.config), golden.flat());
  const llava = new Llava(golden.config, weightsOf(parameters));
  const before = tf.memory().numTensors;
  const texts = { ...padLeft([[1, 2, 3]]), imageCounts: [0] };
  expect(() => new LlavaDecoder(llava, { texts, images: null, maxNewTokens: 300 })).toThrow(
    'a prompt of 3 and 300 new tokens do not fit into the context of 256',
  );
  expect(tf.memory().numTensors).toBe(before);
});

/** Without the padding that the case may have on the left. */
function promptsOf(golden: LlavaGolden): number[][] {
  const [batch, length] = golden.input('prompt_ids').shape as [number, number];
  const ids = [...golden.input('prompt_ids').float32()];
  const bos = golden.config.text_config.bos_token_id;
  return Array.from({ length: batch }, (_, b) => {
    const row = ids.slice(b * length, (b + 1) * length);
    return row.slice(row.indexOf(bos));
  });
}
