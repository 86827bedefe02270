/** A Perceiver resampler alone: latents, the gradient of its features, and of its parameters. */
import { type PerceiverConfig, resample, weightsOf } from '@triptych/models';
import { type GoldenCase, record, tf } from '@triptych/nn';
import { recordOf, statedTolerance } from '../case-tolerance.ts';
import { valuesOf } from '../check.ts';
import { ExpectedResults } from '../expected-results.ts';
import { parametersOfFile } from '../file-layout.ts';
import { namedGradients } from '../gradients.ts';
import { hasInputs, type ParityKind } from '../kind.ts';

export const flamingoPerceiver: ParityKind = {
  name: 'flamingo-perceiver',
  recognises: (golden) =>
    hasInputs(golden, 'x', 'cotangent') &&
    golden.has('model.safetensors') &&
    golden.weights.tensors.has('perceiver.latents'),
  async check(golden) {
    const expected = new ExpectedResults(golden);
    const inputs = golden.tensors('inputs.safetensors').tensors;
    const x = inputs.get('x')!;
    const [texts, images, frames, tokens, width] = x.shape as [number, number, number, number, number];
    using parameters = parametersOfFile(golden.weights);
    const features = tf.tensor3d(x.float32(), [texts * images, frames * tokens, width]);
    const options = { weights: weightsOf(parameters), config: configOf(golden), memory: 'keep' } as const;
    using recording = record([features, ...parameters.tensors()], () => [
      resample(features, { ...options, images, frames }),
    ]);
    const [output] = recording.outputs;
    expected.numbers('out', await valuesOf(output!), { tolerance: statedTolerance(golden.about, 'forward') });
    const cotangent = tf.tensor(inputs.get('cotangent')!.float32(), output!.shape);
    const found = await namedGradients(recording, { outputGradients: [cotangent], parameters, inputs: 1 });
    const tolerance = statedTolerance(golden.about, 'grad');
    expected.numbers('grad_input.x', found.inputs[0]!, { tolerance });
    for (const [name, values] of found.parameters) expected.numbers(`grad.${name}`, values, { tolerance });
    features.dispose();
    return expected.checks();
  },
};

/** By the names of OpenFlamingo's arguments. */
function configOf({ config }: GoldenCase): PerceiverConfig {
  const stated = recordOf(config) as Record<string, number | null | undefined>;
  const { max_num_frames: frames, max_num_media: media } = stated;
  return {
    depth: stated['depth']!,
    latents: stated['num_latents']!,
    heads: stated['heads']!,
    head_dim: stated['dim_head']!,
    ff_mult: stated['ff_mult']!,
    ...(typeof frames === 'number' && { max_frames: frames }),
    ...(typeof media === 'number' && { max_media: media }),
  };
}
