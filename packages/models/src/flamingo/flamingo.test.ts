/** The whole model against OpenFlamingo's: image features, media, logits, loss, and all gradients; and what must be exact. */
import { gradientsInto, type Parameters, record, selectBackend, softmaxCrossEntropy, tf } from '@triptych/nn';
import { describe, expect, test } from 'vitest';
import { isInGroups } from '../grouped-tensor.ts';
import { Llama } from '../llama/llama.ts';
import { selfAttention } from '../llama/sequences.ts';
import { type FlamingoCase, openFlamingoCase, parametersOf } from '../testing/flamingo-golden.ts';
import { expectTensor, sameBits } from '../testing/golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { patchify } from '../vit/patchify.ts';
import { Flamingo, type FlamingoOptions } from './flamingo.ts';
import { DECODER_PREFIX, NEW_TOKEN_ROWS, TOKEN_TABLE } from './parameters.ts';

const forward = { relative: 1e-5, absolute: 1e-5 };
const gradient = { relative: 1e-4, absolute: 1e-6 };
const cases = ['flamingo-every1', 'flamingo-every2'].map(openFlamingoCase);
const trained = ['perceiver', 'gate', 'tokens'];

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  test.each(cases)('$case: it computes what OpenFlamingo computes', async (golden) => {
    await selectBackend({ backend });
    const before = tf.memory().numTensors;
    const parameters = parametersOf(golden);
    const { flamingo: config } = golden;
    const { images, labels, patches, texts } = inputsOf(golden);
    const flamingo = new Flamingo(config, weightsOf(parameters));
    const features = flamingo.imageFeatures(patches);
    expectTensor('vision tokens', features.dataSync(), golden.expected('vision_tokens'), forward);

    const recording = record(parameters.tensors(), () => {
      const media = flamingo.media(features, { images });
      const hidden = flamingo.decode(texts, media);
      const logits = flamingo.logits(hidden) as tf.Tensor3D;
      return [media, logits, shiftedLoss(logits, labels)];
    });
    const [media, logits, loss] = recording.outputs;
    expectTensor('media', media!.dataSync(), golden.expected('perceiver_output'), forward);
    const real = (values: Float32Array) => masked(golden, values);
    expectTensor('logits', real(read(logits!)), real(golden.expected('logits')), forward);
    expectTensor('loss', loss!.dataSync(), golden.expected('loss'), forward);

    const seeds = [tf.zerosLike(media!), tf.zerosLike(logits!), tf.onesLike(loss!)];
    const gradients = recording.backward(seeds);
    const flat = new Float32Array(parameters.layout.length);
    await gradientsInto(gradients, parameters.layout, flat);
    for (const { name, offset, length: count } of parameters.layout.named()) {
      if (!/^perceiver|gated_cross_attn_layer/.test(name)) continue;
      const found = flat.subarray(offset, offset + count);
      expectTensor(`gradient of ${name}`, found, golden.expected(`grad.${name}`), gradient);
    }
    const table = [TOKEN_TABLE, NEW_TOKEN_ROWS].map((key) => placed(parameters, key));
    // The two tensors follow one another.
    const ofTable = flat.subarray(table[0]!.offset, table[1]!.offset + table[1]!.length);
    expectTensor('gradient of the token table', ofTable, golden.expected(`grad.${TOKEN_TABLE}`), gradient);
    const ofRows = flat.subarray(table[1]!.offset, table[1]!.offset + table[1]!.length);
    expectTensor('of the new rows', ofRows, golden.expected(`grad_two_rows.${TOKEN_TABLE}`), gradient);

    tf.dispose([...gradients, ...seeds, patches, features]);
    recording.dispose();
    parameters.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test.each(cases)('$case: with zero gates it is the plain decoder, bit for bit', async (golden) => {
    await selectBackend({ backend });
    const { flamingo: config } = golden;
    using parameters = parametersOf(golden);
    for (const { key, offset } of parameters.layout.specs)
      if (/(attn|ff)_gate$/.test(key)) parameters.flat[offset] = 0;
    parameters.upload();
    const [found, plain] = tf.tidy(() => {
      const { images, patches, texts } = inputsOf(golden);
      const weights = weightsOf(parameters);
      const flamingo = new Flamingo(config, weights);
      const media = flamingo.media(flamingo.imageFeatures(patches), { images });
      const options = { prefix: DECODER_PREFIX, newTokenRows: NEW_TOKEN_ROWS };
      const llama = new Llama(config.text_config, weights, options);
      const embeddings = llama.embed(texts.ids, texts.batch);
      const hidden = llama.decode(embeddings, selfAttention(config.text_config, texts));
      return [flamingo.logits(flamingo.decode(texts, media)), llama.logits(hidden)].map(read);
    }) as [Float32Array, Float32Array];
    expect(sameBits(found, plain)).toBe(true);
    expectTensor(
      'logits',
      masked(golden, found),
      masked(golden, golden.expected('zero_gate_logits')),
      forward,
    );
  });

  test('checkpointed blocks and a frozen tower give the same bits, trained parameters alone recorded', async () => {
    await selectBackend({ backend });
    const golden = cases[0]!;
    using parameters = parametersOf(golden);
    const resultsWith = (options: FlamingoOptions) =>
      tf.tidy(() => {
        const { images, patches, texts } = inputsOf(golden);
        const flamingo = new Flamingo(golden.flamingo, weightsOf(parameters), options);
        using recording = record(trainedTensors(golden, parameters), () => {
          const media = flamingo.media(flamingo.imageFeatures(patches), { images });
          return [flamingo.decode(texts, media)];
        });
        return [...recording.outputs, ...recording.backward(recording.outputs)].map(read);
      });
    const kept = resultsWith({});
    for (const options of [{ memory: 'checkpoint' as const }, { frozenVision: true }]) {
      const others = resultsWith(options);
      expect(kept.every((values, i) => sameBits(values, others[i]!))).toBe(true);
    }
  });

  test('another picture changes what comes after its marker, and nothing before', async () => {
    await selectBackend({ backend });
    const golden = cases[0]!;
    using parameters = parametersOf(golden);
    const { image_token_id: marker, text_config } = golden.flamingo;
    const ids = Int32Array.of(1, 5, marker, 7, 8, marker, 9, 10);
    const states = (second: number) =>
      tf.tidy(() => {
        const flamingo = new Flamingo(golden.flamingo, weightsOf(parameters));
        const media = flamingo.media(tf.concat([picture(1), picture(second)]), { images: 2 });
        return read(flamingo.decode({ ids, batch: 1, length: ids.length }, media));
      });
    const [one, other] = [states(2), states(3)];
    const at = 5 * text_config.hidden_size;
    expect(sameBits(one.slice(0, at), other.slice(0, at))).toBe(true);
    expect(sameBits(one.slice(at), other.slice(at))).toBe(false);
  });

  test('before the first image a text is as it would be without images', async () => {
    await selectBackend({ backend });
    const golden = cases[0]!;
    using parameters = parametersOf(golden);
    const texts = { ids: Int32Array.of(1, 5, 6, 7), batch: 1, length: 4 };
    const states = (seed: number) =>
      tf.tidy(() => {
        const flamingo = new Flamingo(golden.flamingo, weightsOf(parameters));
        return read(flamingo.decode(texts, flamingo.media(picture(seed), { images: 1 })));
      });
    expect(sameBits(states(1), states(2))).toBe(true);
  });
});

test('a text that shows more images than it was given is refused', async () => {
  await selectBackend({ backend: 'wasm' });
  const golden = cases[0]!;
  using parameters = parametersOf(golden);
  const flamingo = new Flamingo(golden.flamingo, weightsOf(parameters));
  const marker = golden.flamingo.image_token_id;
  const ids = Int32Array.of(1, marker, 3, 1, marker, marker);
  tf.tidy(() => {
    const media = tf.zeros([2, golden.flamingo.perceiver.latents, 40]) as tf.Tensor3D;
    expect(() => flamingo.decode({ ids, batch: 2, length: 3 }, media)).toThrow(
      '1 images were given for each text, but text 1 shows 2; give the images, or remove their <image> tokens',
    );
  });
});

const read = (tensor: tf.Tensor) => tensor.dataSync<'float32'>().slice();

/** Features of a picture that is unlike those of other seeds. */
const picture = (seed: number) =>
  tf.randomNormal<tf.Rank.R3>([1, 4, cases[0]!.flamingo.vision_config.hidden_size], 0, 1, 'float32', seed);

const placed = (parameters: Parameters, key: string) =>
  parameters.layout.specs.find((spec) => spec.key === key)!;

const trainedTensors = (golden: FlamingoCase, parameters: Parameters): tf.Tensor[] =>
  golden.parameters
    .filter(({ group }) => isInGroups(group, trained))
    .map(({ key }) => parameters.tensor(key));

/** Zeros at padding: what is computed there means nothing. */
function masked(golden: FlamingoCase, values: Float32Array): Float32Array {
  const mask = golden.input('attention_mask').float32();
  return values.map((value, i) => value * mask[Math.floor(i / golden.flamingo.text_config.vocab_size)]!);
}

/** The patches are the caller's to dispose. */
function inputsOf(golden: FlamingoCase) {
  const integers = (name: string) => Int32Array.from(golden.input(name).float32());
  const [batch, length] = golden.input('lang_x').shape as [number, number];
  const images = golden.input('vision_x').shape[1]!;
  const mask = integers('attention_mask');
  const ends = Int32Array.from({ length: batch }, (_, b) =>
    mask.subarray(b * length, (b + 1) * length).reduce((sum, real) => sum + real, 0),
  );
  const { image_size: size, patch_size: patch } = golden.flamingo.vision_config;
  const cut = patchify(golden.input('vision_x').float32(), { images: batch * images, size, patch });
  const patches = tf.tensor3d(cut, [batch * images, (size / patch) ** 2, 3 * patch * patch]);
  const texts = { ids: integers('lang_x'), batch, length, ends };
  return { images, labels: integers('labels'), patches, texts };
}

/** The logits at t predict the label at t + 1; the mean over all labels that count. */
function shiftedLoss(logits: tf.Tensor3D, labels: Int32Array): tf.Tensor {
  const [batch, length, vocabulary] = logits.shape;
  const shifted = labels.map((_, i) => (i % length === length - 1 ? -100 : labels[i + 1]!));
  const rows = tf.reshape<tf.Rank.R2>(logits, [batch * length, vocabulary]);
  const { sum, count } = softmaxCrossEntropy(rows, shifted);
  return tf.div(sum, count);
}
