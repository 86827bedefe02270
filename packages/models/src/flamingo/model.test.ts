/** The model as training and evaluation see it: batches, what is trained, generation and likelihoods from prompts. */
import { random, selectBackend, tf } from '@triptych/nn';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Example, Model, Prompt } from '../model.ts';
import { flamingo as card } from './card.ts';
import type { FlamingoInputs } from './inputs.ts';
import { flamingoFactory } from './model.ts';
import { flamingoPresets } from './presets.ts';
import type { FlamingoBatch } from './processor.ts';

const { config } = flamingoPresets['flamingo-tiny'];
const inputs: FlamingoInputs = {
  captionTemplate: 'pair',
  questionTemplate: 'vqa',
  learnQuestions: false,
  maxTokens: 128,
  maxImages: 6,
  tooLong: 'refuse',
  questionsTogether: 1,
  demonstrations: 0,
};
const texts = ['a red square on grey', 'Question:What colour is it? Short answer:blue'];

beforeAll(() => selectBackend({ backend: 'wasm' }));

const open = (method: 'cross-attention' | 'full') =>
  flamingoFactory.open({
    config,
    tensors: card.parameters(config),
    trains: card.methods[method]!.trains,
    adapts: [],
    weights: flamingoFactory.initialWeights(config, 3),
    files: flamingoFactory.initialFiles(config, texts),
    memory: 'keep',
    inputs,
    seed: 1,
  });

function picture(seed: number): Uint8Array {
  const stream = random(seed, 'picture');
  return Uint8Array.from({ length: 3 * 32 * 32 }, () => stream.integer(256));
}

const example = (content: Example['content'], images: number): Example => ({
  id: 'x',
  content,
  images,
  pixels: async (i) => picture(i),
  pictureKey: (i) => `picture ${i}`,
  choose: () => 0,
  dataset: 1,
});

test('a batch has one row of logits for each token that is learnt', async () => {
  using model = await open('full');
  const batch = (await model.processor.batch([
    example({ kind: 'captions', texts: ['a red square'] }, 1),
    example({ kind: 'interleaved', parts: [{ image: 0 }, 'a', { image: 1 }, 'blue'] }, 2),
  ])) as FlamingoBatch;
  const { labels, datasets } = batch.targets;
  expect([...datasets]).toEqual(Array.from(labels, () => 1));
  expect(batch.images).toBe(2);
  // Two texts with two slots each; the caption's second one is empty.
  const floats = 3 * 32 * 32;
  expect(batch.pictures.values.length).toBe(4 * floats);
  expect(batch.pictures.values.subarray(floats, 2 * floats).every((value) => value === 0)).toBe(true);
  const { length, ids } = batch.texts;
  const predicted = [...batch.rows].map((row) => ids[row + 1]);
  // Within its text, every row predicts the token after it; the very last one has been left out.
  for (const [i, row] of batch.rows.entries())
    if ((row + 1) % length !== 0 && i + 1 < batch.rows.length && batch.rows[i + 1] === row + 1)
      expect(predicted[i]).toBe(labels[i]);
  const outputs = model.forward(batch, {});
  expect(outputs).toMatchObject({ kind: 'logits', logits: { shape: [labels.length, 512] } });
  if (outputs.kind === 'logits') outputs.logits.dispose();
});

test('cross-attention trains what sees, full everything that is computed with', async () => {
  using some = await open('cross-attention');
  using all = await open('full');
  expect(some.frozenHash).not.toBe('');
  const keys = (model: Model) => model.trainableTensors.map(({ key }) => key);
  expect(keys(some).every((key) => /^perceiver|gated_cross_attn|new_rows/.test(key))).toBe(true);
  const idle = card.parameters(config).filter(({ key }) => !keys(all).includes(key));
  expect(idle.map(({ key }) => key)).toEqual([
    'vision_encoder.vision_model.post_layernorm.weight',
    'vision_encoder.vision_model.post_layernorm.bias',
  ]);
});

test('towers that are not trained see each picture alone, and give what trained ones do', async () => {
  using frozen = await open('cross-attention');
  using trained = await open('full');
  const before = tf.memory().numTensors;
  const examples = [
    example({ kind: 'captions', texts: ['a red square'] }, 1),
    example({ kind: 'interleaved', parts: [{ image: 0 }, 'a', { image: 1 }, 'blue'] }, 2),
  ];
  const logitsOf = async (model: Model) => {
    const batch = (await model.processor.batch(examples)) as FlamingoBatch;
    const outputs = model.forward(batch, {});
    if (outputs.kind !== 'logits') throw new Error('features');
    const values = outputs.logits.dataSync<'float32'>().slice();
    outputs.logits.dispose();
    return { values, pictures: batch.pictures };
  };
  const [{ values, pictures }, expected] = [await logitsOf(frozen), await logitsOf(trained)];
  expect([pictures.kind, expected.pictures.kind]).toEqual(['features', 'patches']);
  const floats = pictures.values.length / 4;
  // Picture 0 of both samples.
  expect(pictures.values.subarray(0, floats)).toEqual(pictures.values.subarray(2 * floats, 3 * floats));
  // A batch of pictures adds in another order than one picture.
  const largest = Math.max(...expected.values.map(Math.abs));
  for (const [i, value] of values.entries())
    expect(Math.abs(value - expected.values[i]!)).toBeLessThan(1e-5 * largest);
  expect(tf.memory().numTensors).toBe(before);
});

describe('from prompts', () => {
  const ask = (question: string, seeds: number[]): Prompt => ({
    content: { kind: 'question', question, answers: [] },
    pictures: seeds.map(picture),
    shots: [],
  });
  const prompts = [ask('What colour is it?', [1]), ask('What?', [2, 3])];
  const limits = { maxNewTokens: 6, temperature: 0, topP: 1, seed: 1, lengthPenalty: 0 };

  test('texts come in pieces, greedy or by beams, a prompt alone as in company', async () => {
    using model = await open('cross-attention');
    const before = tf.memory().numTensors;
    for (const beams of [1, 3]) {
      const generate = async (some: Prompt[]) => {
        const found = some.map(() => '');
        for await (const { index, text } of model.abilities.generate!(some, { ...limits, beams }))
          found[index] += text;
        return found;
      };
      const together = await generate(prompts);
      expect(together.every((text) => text.length > 0)).toBe(true);
      expect([await generate([prompts[0]!]), await generate([prompts[1]!])].flat()).toEqual(together);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a likelihood is that of its prompt alone, in company too', async () => {
    using model = await open('cross-attention');
    const before = tf.memory().numTensors;
    const { sums, tokens } = await model.abilities.loglikelihood!(prompts, ['a', 'b', 'blue']);
    expect([...tokens].slice(0, 2)).toEqual([1, 1]);
    expect(sums).toHaveLength(6);
    expect([...sums].every((sum) => sum < 0)).toBe(true);
    // The first prompt alone gives what it gives in company; padding adds in another order.
    const alone = await model.abilities.loglikelihood!([prompts[0]!], ['a', 'b', 'blue']);
    for (const [i, sum] of alone.sums.entries()) expect(sum / sums[i]!).toBeCloseTo(1, 5);
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('a picture is seen the same alone and in company, and unlike another', async () => {
  using model = await open('cross-attention');
  const before = tf.memory().numTensors;
  const { width, pictures } = model.abilities.see!;
  const [together, alone] = [await pictures([picture(1), picture(2)]), await pictures([picture(2)])];
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const [one, other] = [together.slice(0, width), together.slice(width)];
  // Unit rows, in float32.
  expect(dot(one, one)).toBeCloseTo(1, 5);
  expect(dot(other, alone)).toBeCloseTo(1, 5);
  expect(dot(one, other)).toBeLessThan(0.9999);
  expect(tf.memory().numTensors).toBe(before);
});
