/** Outputs and all gradients against Hugging Face's CLIP, on the backends that need nothing but npm. */
import { gradientsInto, Parameters, record, selectBackend, tf } from '@triptych/nn';
import { expect, test } from 'vitest';
import { expectTensor, type Golden, openGolden, sameBits } from '../testing/golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { patchify } from '../vit/patchify.ts';
import { visionHidden } from '../vit/vision-tower.ts';
import { Clip } from './clip.ts';
import { clipLayout } from './layout.ts';
import { loadClipWeights } from './weight-file.ts';

const cases = ['cpu', 'wasm'].flatMap((backend) =>
  ['clip-quickgelu', 'clip-gelu'].map((name) => [backend as 'cpu' | 'wasm', name] as const),
);

test.each(cases)('on %s, %s computes what Hugging Face computes', async (backend, name) => {
  await selectBackend({ backend });
  const golden = openGolden(name);
  const before = tf.memory().numTensors;
  const { config } = golden;
  const parameters = new Parameters(clipLayout(config), loadClipWeights(golden.weights, config));
  const clip = new Clip(config, weightsOf(parameters));
  const patches = patchesOf(golden);

  const layers = config.vision_config.num_hidden_layers;
  const weights = <R extends tf.Rank>(key: string) => parameters.tensor(key) as tf.Tensor<R>;
  const hidden = tf.tidy(() =>
    visionHidden(patches, { weights, tower: config.vision_config, memory: 'keep' }).dataSync(),
  );
  const forward = { relative: 1e-5, absolute: 1e-6 };
  expectTensor('vision hidden state', hidden, golden.expected(`vision_hidden.${layers}`), forward);

  const recording = record(parameters.tensors(), () => {
    const images = clip.encodeImages(patches);
    const texts = clip.encodeText(golden.ids, golden.batch);
    return [images, texts, infoNce(images, texts, parameters.tensor('logit_scale'))];
  });
  const [images, texts, loss] = recording.outputs;
  expectTensor('image_embeds', images!.dataSync(), golden.expected('image_embeds'), forward);
  expectTensor('text_embeds', texts!.dataSync(), golden.expected('text_embeds'), forward);
  expectTensor('loss', loss!.dataSync(), golden.expected('loss'), forward);

  const seeds = [tf.zerosLike(images!), tf.zerosLike(texts!), tf.onesLike(loss!)];
  const gradients = recording.backward(seeds);
  const flat = new Float32Array(parameters.layout.length);
  await gradientsInto(gradients, parameters.layout, flat);
  for (const { name: parameter, offset, length } of parameters.layout.named())
    expectTensor(
      `gradient of ${parameter}`,
      flat.subarray(offset, offset + length),
      golden.expected(`grad.${parameter}`),
      // The gradient of a key bias is zero in exact arithmetic: only rounding noise is compared.
      { relative: 1e-4, absolute: 1e-7 },
    );

  tf.dispose([...gradients, ...seeds, patches]);
  recording.dispose();
  parameters.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

function patchesOf({ config, pixels, batch }: Golden): tf.Tensor3D {
  const { image_size: size, patch_size: patch } = config.vision_config;
  return tf.tensor3d(patchify(pixels, { images: batch, size, patch }), [
    batch,
    (size / patch) ** 2,
    3 * patch * patch,
  ]);
}

/** The plain way, through automatic differentiation: the oracle for the training objective too. */
function infoNce(images: tf.Tensor2D, texts: tf.Tensor2D, logitScale: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const logits = tf.mul(tf.matMul(images, texts, false, true), tf.exp(logitScale));
    const diagonal = tf.eye(images.shape[0]);
    const mean = (logProbabilities: tf.Tensor) =>
      tf.div(tf.sum(tf.mul(logProbabilities, diagonal)), images.shape[0]);
    const rows = mean(tf.logSoftmax(logits));
    const columns = mean(tf.logSoftmax(tf.transpose(logits)));
    return tf.mul(tf.add(rows, columns), -0.5);
  });
}

test.each(['cpu', 'wasm'] as const)('on %s, checkpointed blocks give the same bits', async (backend) => {
  await selectBackend({ backend });
  const golden = openGolden('clip-quickgelu');
  const { config } = golden;
  const before = tf.memory().numTensors;
  using parameters = new Parameters(clipLayout(config), loadClipWeights(golden.weights, config));
  const gradientsWith = (memory: 'keep' | 'checkpoint') =>
    tf.tidy(() => {
      const clip = new Clip(config, weightsOf(parameters), { memory });
      const patches = patchesOf(golden);
      using recording = record(parameters.tensors(), () => [
        clip.encodeImages(patches),
        clip.encodeText(golden.ids, golden.batch),
      ]);
      const gradients = recording.backward(recording.outputs);
      return [...recording.outputs, ...gradients].map((tensor) => tensor.dataSync<'float32'>().slice());
    });
  const [kept, checkpointed] = [gradientsWith('keep'), gradientsWith('checkpoint')];
  expect(kept.every((values, i) => sameBits(values, checkpointed[i]!))).toBe(true);
  parameters.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('padding after the end token changes nothing', async () => {
  await selectBackend({ backend: 'wasm' });
  const { config, weights } = openGolden('clip-gelu');
  using parameters = new Parameters(clipLayout(config), loadClipWeights(weights, config));
  const clip = new Clip(config, weightsOf(parameters));
  const short = Int32Array.of(298, 5, 6, 299, 298, 7, 299, 299);
  const padded = Int32Array.of(298, 5, 6, 299, 299, 299, 298, 7, 299, 299, 299, 299);
  const embed = (ids: Int32Array) => tf.tidy(() => [...clip.encodeText(ids, 2).dataSync()]);
  expect(embed(padded)).toEqual(embed(short));
});
