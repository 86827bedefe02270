/** The gated block against OpenFlamingo's, in both mask modes: outputs, all gradients, and one cached step. */
import {
  gradientsInto,
  mediaMask,
  ParameterLayout,
  Parameters,
  record,
  selectBackend,
  tf,
} from '@triptych/nn';
import { describe, expect, test } from 'vitest';
import { single } from '../catalog/parameter-tensor.ts';
import { expectTensor, openCase, sameBits } from '../testing/golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { anyNames } from '../weights/dialect.ts';
import { flattenWeights, weightsInMemory } from '../weights/weight-file.ts';
import { gatedBlock } from './gated-block.ts';
import { imagesShown } from './images-shown.ts';

const golden = openCase('flamingo-cross-attention');
const { heads } = golden.config as { heads: number };
const name = 'gated_cross_attn_layer';
const layout = new ParameterLayout([...golden.weights.tensors].map(([key, { shape }]) => single(key, shape)));
const [batch, length, width] = golden.input('x').shape as [number, number, number];
const [, images, latents, mediaWidth] = golden.input('media').shape as [number, number, number, number];
const imageCounts = imagesShown(Int32Array.from(golden.input('media_locations').float32()), batch, 1);
const forward = { relative: 1e-5, absolute: 1e-5 };
const gradient = { relative: 1e-4, absolute: 1e-6 };
const modes = [
  { mode: 'immediate', attend: 'latest', blind: 'zero' },
  { mode: 'all_previous', attend: 'all-previous', blind: 'mean' },
] as const;

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  const parametersOf = () =>
    new Parameters(layout, flattenWeights(weightsInMemory(golden.weights, anyNames), layout));
  const inputs = () => ({
    x: tf.tensor3d(golden.input('x').float32(), [batch, length, width]),
    media: tf.tensor3d(golden.input('media').float32(), [batch, images * latents, mediaWidth]),
  });
  const attention = (counts: Int32Array, { attend, blind }: (typeof modes)[number]) => ({
    heads,
    mask: mediaMask({ batch, imageCounts: counts, images, latents, attend }),
    blind,
  });

  async function results(mode: (typeof modes)[number], memory: 'keep' | 'checkpoint') {
    await selectBackend({ backend });
    const before = tf.memory().numTensors;
    const parameters = parametersOf();
    const { x, media } = inputs();
    const recording = record([x, media, ...parameters.tensors()], () => [
      gatedBlock(x, media, {
        weights: weightsOf(parameters),
        name,
        attention: attention(imageCounts, mode),
        memory,
      }),
    ]);
    const cotangent = tf.tensor(golden.input('cotangent').float32(), [batch, length, width]);
    const [dx, dMedia, ...gradients] = recording.backward([cotangent]);
    const ofParameters = new Float32Array(layout.length);
    await gradientsInto(gradients, layout, ofParameters);
    const read = (tensor: tf.Tensor) => tensor.dataSync<'float32'>().slice();
    const found = { out: read(recording.outputs[0]!), dx: read(dx!), dMedia: read(dMedia!), ofParameters };
    tf.dispose([x, media, cotangent, dx!, dMedia!, ...gradients]);
    recording.dispose();
    parameters.dispose();
    expect(tf.memory().numTensors).toBe(before);
    return found;
  }

  test.each(modes)('$mode: it computes what OpenFlamingo computes', async (mode) => {
    const { out, dx, dMedia, ofParameters } = await results(mode, 'keep');
    const expected = (what: string) => golden.expected(`${mode.mode}.${what}`);
    expectTensor('output', out, expected('out'), forward);
    expectTensor('gradient of the text', dx, expected('grad_input.x'), gradient);
    expectTensor('gradient of the media', dMedia, expected('grad_input.media'), gradient);
    for (const { name: parameter, offset, length: count } of layout.named())
      expectTensor(
        `gradient of ${parameter}`,
        ofParameters.subarray(offset, offset + count),
        expected(`grad.${parameter}`),
        gradient,
      );
  });

  test.each(modes)('$mode: a checkpointed block gives the same bits', async (mode) => {
    const [kept, checkpointed] = [await results(mode, 'keep'), await results(mode, 'checkpoint')];
    for (const part of ['out', 'dx', 'dMedia', 'ofParameters'] as const)
      expect(sameBits(kept[part], checkpointed[part]), part).toBe(true);
  });

  test.each(modes)('$mode: a step alone sees what all images of the text let it see', async (mode) => {
    await selectBackend({ backend });
    using parameters = parametersOf();
    const totals = Int32Array.from({ length: batch }, (_, b) => imageCounts[(b + 1) * length - 1]!);
    const out = tf.tidy(() => {
      const { x, media } = inputs();
      const last = tf.slice(x, [0, length - 1, 0], [batch, 1, width]);
      const options = { weights: weightsOf(parameters), name, memory: 'keep' } as const;
      return gatedBlock(last, media, { ...options, attention: attention(totals, mode) }).dataSync();
    });
    expectTensor('output', out, golden.expected(`${mode.mode}.cached_out`), forward);
  });
});
