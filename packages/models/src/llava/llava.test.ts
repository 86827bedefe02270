/** Features, logits, loss and all gradients against Hugging Face's LLaVA. */
import { gradientsInto, Parameters, record, selectBackend, tf } from '@triptych/nn';
import { describe, expect, test } from 'vitest';
import { expectTensor, sameBits } from '../testing/golden.ts';
import { LlavaGolden } from '../testing/llava-golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { llavaLayout } from './layout.ts';
import { Llava, type LlavaOptions } from './llava.ts';

const forward = { relative: 1e-5, absolute: 1e-5 };
const backward = { relative: 1e-4, absolute: 1e-7 };

// The second one: two feature layers with their class tokens, a projector without biases, a tied head, Llama 3's positions.
const names = ['llava', 'llava-layers'];
const cases = (['cpu', 'wasm'] as const).flatMap((backend) => names.map((name) => [backend, name] as const));

describe.each(cases)('on %s, %s', (backend, name) => {
  const golden = new LlavaGolden(name);
  const { config, sample, imageCounts } = golden;

  const open = () => new Parameters(llavaLayout(config), golden.flat());
  const texts = { ...sample, imageCounts };

  function hiddenOf(llava: Llava): tf.Tensor3D {
    const { values, shape } = golden.patches('pixel_values');
    return tf.tidy(() => {
      const images = llava.project(llava.imageFeatures(tf.tensor3d(values, shape)));
      return llava.decode(texts, images);
    });
  }

  test('it computes what Hugging Face computes', async () => {
    await selectBackend({ backend });
    const before = tf.memory().numTensors;
    const parameters = open();
    const llava = new Llava(config, weightsOf(parameters));
    const { values, shape } = golden.patches('pixel_values');
    const recording = record(parameters.tensors(), () => {
      const features = llava.imageFeatures(tf.tensor3d(values, shape));
      const images = llava.project(features);
      const logits = llava.logits(llava.decode(texts, images)) as tf.Tensor3D;
      return [sample.meanLoss(logits), features, images, logits];
    });
    const [loss, features, images, logits] = recording.outputs;
    const real = (rows: Float32Array) => sample.realRows(rows, config.text_config.vocab_size);
    expectTensor('features', features!.dataSync(), golden.expected('vision_features'), forward);
    expectTensor('projected', images!.dataSync(), golden.expected('projector_output'), forward);
    expectTensor('logits', real(logits!.dataSync<'float32'>()), real(golden.expected('logits')), forward);
    expectTensor('loss', loss!.dataSync(), golden.expected('loss'), forward);

    const seeds = recording.outputs.map((output, i) =>
      i === 0 ? tf.onesLike(output) : tf.zerosLike(output),
    );
    const gradients = recording.backward(seeds);
    const flat = new Float32Array(parameters.layout.length);
    await gradientsInto(gradients, parameters.layout, flat);
    for (const { name: parameter, offset, length } of parameters.layout.named()) {
      // Blocks after the chosen layer do not run.
      const expected = golden.expectedGradient(parameter) ?? new Float32Array(length);
      expectTensor(parameter, flat.subarray(offset, offset + length), expected, backward);
    }
    tf.dispose([...gradients, ...seeds]);
    recording.dispose();
    parameters.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('with a frozen vision tower or checkpointed blocks, the rest has the same bits', async () => {
    await selectBackend({ backend });
    using parameters = open();
    const trained = parameters.layout.specs.filter(({ key }) => !key.startsWith('vision_tower'));
    const tensors = trained.map(({ key }) => parameters.tensor(key));
    const resultsWith = (options: LlavaOptions) =>
      tf.tidy(() => {
        const llava = new Llava(config, weightsOf(parameters), options);
        using recording = record(tensors, () => [hiddenOf(llava)]);
        const all = [...recording.outputs, ...recording.backward(recording.outputs)];
        return all.map((tensor) => tensor.dataSync<'float32'>().slice());
      });
    const plain = resultsWith({});
    for (const options of [{ frozenVision: true }, { memory: 'checkpoint' as const }]) {
      const others = resultsWith(options);
      expect(others.every((values, i) => sameBits(values, plain[i]!))).toBe(true);
    }
  });

  test('a batch of texts alone needs no image', async () => {
    await selectBackend({ backend });
    using parameters = open();
    const llava = new Llava(config, weightsOf(parameters));
    const row = imageCounts.indexOf(0);
    const { length, ends } = sample;
    const ids = sample.ids.subarray(row * length, (row + 1) * length);
    const real = (values: Float32Array) => values.slice(0, ends[row]! * config.text_config.vocab_size);
    tf.tidy(() => {
      const alone = { ids, batch: 1, length, ends: [ends[row]!], imageCounts: [0] };
      const logits = llava.logits(llava.decode(alone, null)).dataSync<'float32'>();
      const all = golden.expected('logits');
      const expected = all.subarray(row * length * config.text_config.vocab_size);
      expectTensor('logits', real(logits), real(expected), forward);
    });
  });
});

test('image tokens and images that do not match are refused with their numbers', async () => {
  await selectBackend({ backend: 'cpu' });
  const golden = new LlavaGolden('llava');
  using parameters = new Parameters(llavaLayout(golden.config), golden.flat());
  const llava = new Llava(golden.config, weightsOf(parameters));
  const { sample } = golden;
  expect(() => llava.embed({ ...sample, imageCounts: [1, 1, 1] }, tf.zeros([3, 16, 56]))).toThrow(
    /text 1 has 32 image tokens, its 1 images of 16 tokens take 16; text 2 has 0 image tokens, its 1 images/,
  );
});
