/** The resampler against OpenFlamingo's, outputs and all gradients; its optional embeddings against the plain sum. */
import { gradientsInto, ParameterLayout, Parameters, record, selectBackend, tf } from '@triptych/nn';
import { describe, expect, test } from 'vitest';
import { expectTensor, openCase, sameBits } from '../testing/golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { anyNames } from '../weights/dialect.ts';
import { constant, drawWeights, normal } from '../weights/drawn-weights.ts';
import { flattenWeights, weightsInMemory } from '../weights/weight-file.ts';
import { type PerceiverConfig, perceiverParameters } from './perceiver-parameters.ts';
import { resample } from './resampler.ts';

const golden = openCase('flamingo-perceiver');
const stated = golden.config as Record<
  'dim' | 'depth' | 'num_latents' | 'heads' | 'dim_head' | 'ff_mult',
  number
>;
const { depth, heads, ff_mult, num_latents: latents, dim_head: head_dim, dim: width } = stated;
const config: PerceiverConfig = { depth, heads, ff_mult, latents, head_dim };
const layout = new ParameterLayout(perceiverParameters(config, width));
const forward = { relative: 1e-5, absolute: 1e-5 };
const [texts, images, frames, tokens] = golden.input('x').shape as [number, number, number, number, number];

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  /** Output, gradient of the features, and the gradients of all parameters. */
  async function results(memory: 'keep' | 'checkpoint') {
    await selectBackend({ backend });
    const before = tf.memory().numTensors;
    const flat = flattenWeights(weightsInMemory(golden.weights, anyNames), layout);
    const parameters = new Parameters(layout, flat);
    const features = tf.tensor3d(golden.input('x').float32(), [texts * images, frames * tokens, width]);
    const recording = record([features, ...parameters.tensors()], () => [
      resample(features, { weights: weightsOf(parameters), config, memory, images, frames }),
    ]);
    const [output] = recording.outputs;
    const cotangent = tf.tensor(golden.input('cotangent').float32(), output!.shape);
    const [ofFeatures, ...gradients] = recording.backward([cotangent]);
    const ofParameters = new Float32Array(layout.length);
    await gradientsInto(gradients, layout, ofParameters);
    const read = (tensor: tf.Tensor) => tensor.dataSync<'float32'>().slice();
    const found = { output: read(output!), ofFeatures: read(ofFeatures!), ofParameters };
    tf.dispose([features, cotangent, ofFeatures!, ...gradients]);
    recording.dispose();
    parameters.dispose();
    expect(tf.memory().numTensors).toBe(before);
    return found;
  }

  test('it computes what OpenFlamingo computes', async () => {
    const { output, ofFeatures, ofParameters } = await results('keep');
    const gradient = { relative: 1e-4, absolute: 1e-6 };
    expectTensor('output', output, golden.expected('out'), forward);
    expectTensor('gradient of the features', ofFeatures, golden.expected('grad_input.x'), gradient);
    for (const { name, offset, length } of layout.named())
      expectTensor(
        `gradient of ${name}`,
        ofParameters.subarray(offset, offset + length),
        golden.expected(`grad.${name}`),
        gradient,
      );
  });

  test('checkpointed layers give the same bits', async () => {
    const [kept, checkpointed] = [await results('keep'), await results('checkpoint')];
    for (const part of ['output', 'ofFeatures', 'ofParameters'] as const)
      expect(sameBits(kept[part], checkpointed[part]), part).toBe(true);
  });

  test('frames and images are told apart by what is added to their features', async () => {
    await selectBackend({ backend });
    const placed: PerceiverConfig = { ...config, max_frames: 3, max_media: 4 };
    const shapes = new ParameterLayout(perceiverParameters(placed, width));
    const draw = (name: string) => (/norm.*weight|1\.0\.weight/.test(name) ? constant(1) : normal(0.3));
    using parameters = new Parameters(shapes, drawWeights(shapes, 3, draw));
    const weights = weightsOf(parameters);
    const [count, eachImages, eachFrames, patches] = [6, 3, 2, 4];
    tf.tidy(() => {
      const features = tf.randomNormal<tf.Rank.R3>([count, eachFrames * patches, width], 0, 1, 'float32', 5);
      const byHand = tf.add<tf.Tensor3D>(
        tf.add(
          features,
          tf.reshape(
            tf.tile(
              tf
                .slice(weights<tf.Rank.R2>('perceiver.frame_embs'), [0, 0], [eachFrames, width])
                .expandDims(1),
              [1, patches, 1],
            ),
            [1, eachFrames * patches, width],
          ),
        ),
        tf.tile(
          tf.slice(weights<tf.Rank.R3>('perceiver.media_time_embs'), [0, 0, 0], [eachImages, 1, width]),
          [count / eachImages, 1, 1],
        ),
      );
      const options = { weights, memory: 'keep', images: eachImages, frames: eachFrames } as const;
      const found = resample(features, { ...options, config: placed }).dataSync<'float32'>();
      const expected = resample(byHand, { ...options, config }).dataSync<'float32'>();
      expectTensor('output', found, expected, forward);
    });
  });
});
