/** One gated cross-attention block in both modes of its mask: outputs, all gradients, and one step of generation. */
import { gatedBlock, imagesShown, type Weights, weightsOf } from '@triptych/models';
import { type GoldenCase, integersOf, mediaMask, type Parameters, record, tf } from '@triptych/nn';
import { recordOf, statedTolerance } from '../case-tolerance.ts';
import { numbersOf, valuesOf } from '../check.ts';
import { ExpectedResults } from '../expected-results.ts';
import { parametersOfFile } from '../file-layout.ts';
import { namedGradients } from '../gradients.ts';
import { hasInputs, type ParityKind } from '../kind.ts';

const modes = [
  { mode: 'immediate', attend: 'latest', blind: 'zero' },
  { mode: 'all_previous', attend: 'all-previous', blind: 'mean' },
] as const;
type Mode = (typeof modes)[number];

export const flamingoCrossAttention: ParityKind = {
  name: 'flamingo-cross-attention',
  recognises: (golden) => hasInputs(golden, 'x', 'media', 'media_locations', 'cotangent'),
  async check(golden) {
    const expected = new ExpectedResults(golden);
    for (const mode of modes)
      if (expected.names(new RegExp(`^${mode.mode}\\.`)).length > 0)
        await checkMode(golden, { mode, expected });
    return expected.checks();
  },
};

async function checkMode(
  golden: GoldenCase,
  { mode, expected }: { readonly mode: Mode; readonly expected: ExpectedResults },
): Promise<void> {
  const forward = statedTolerance(golden.about, 'forward');
  const gradient = statedTolerance(golden.about, 'grad');
  using parameters = parametersOfFile(golden.weights);
  const block = new BlockUnderTest(golden, mode);
  const { x, media, batch, length, width } = block;
  const name = (result: string) => `${mode.mode}.${result}`;
  using recording = record([x, media, ...parameters.tensors()], () => [block.run(x, weightsOf(parameters))]);
  const [output] = recording.outputs;
  expected.numbers(name('out'), await valuesOf(output!), { tolerance: forward });
  const cotangents = golden.tensors('inputs.safetensors').tensors.get('cotangent')!.float32();
  const found = await namedGradients(recording, {
    outputGradients: [tf.tensor(cotangents, output!.shape)],
    parameters,
    inputs: 2,
  });
  expected.numbers(name('grad_input.x'), found.inputs[0]!, { tolerance: gradient });
  expected.numbers(name('grad_input.media'), found.inputs[1]!, { tolerance: gradient });
  for (const [parameter, values] of found.parameters)
    expected.numbers(name(`grad.${parameter}`), values, { tolerance: gradient });

  const step = tf.tidy(() => {
    const last = tf.slice(x, [0, length - 1, 0], [batch, 1, width]);
    return block.run(last, weightsOf(parameters), block.totals);
  });
  expected.numbers(name('cached_out'), await numbersOf(step), { tolerance: forward });

  // With an open first gate and a closed second one, the block adds what it attends to and nothing else.
  setGate(parameters, { gate: 'attn_gate', value: 20 });
  setGate(parameters, { gate: 'ff_gate', value: 0 });
  const attended = tf.tidy(() => tf.sub(block.run(x, weightsOf(parameters)), x));
  expected.numbers(name('attn_out'), await numbersOf(attended), { tolerance: forward });
  tf.dispose([x, media]);
}

function setGate(
  parameters: Parameters,
  { gate, value }: { readonly gate: string; readonly value: number },
): void {
  for (const { key, offset } of parameters.layout.specs)
    if (key.endsWith(`.${gate}`)) parameters.flat[offset] = value;
  parameters.upload();
}

/** The block of a case with its inputs, whose tensors the caller disposes. */
class BlockUnderTest {
  readonly x: tf.Tensor3D;
  readonly media: tf.Tensor3D;
  readonly batch: number;
  readonly length: number;
  readonly width: number;
  /** Images that each text shows in all. */
  readonly totals: Int32Array;
  readonly #mode: Mode;
  readonly #shown: Int32Array;
  readonly #images: number;
  readonly #latents: number;
  readonly #heads: number;
  readonly #name: string;

  constructor(golden: GoldenCase, mode: Mode) {
    const inputs = golden.tensors('inputs.safetensors').tensors;
    const [x, media] = [inputs.get('x')!, inputs.get('media')!];
    const [batch, length, width] = x.shape as [number, number, number];
    const [, images, latents, mediaWidth] = media.shape as [number, number, number, number];
    this.batch = batch;
    this.length = length;
    this.width = width;
    this.#mode = mode;
    this.#images = images;
    this.#latents = latents;
    this.#heads = Number(recordOf(golden.config)['heads']);
    const gate = [...golden.weights.tensors.keys()].find((key) => key.endsWith('.attn_gate'))!;
    this.#name = gate.slice(0, -'.attn_gate'.length);
    this.#shown = imagesShown(integersOf(inputs.get('media_locations')!), batch, 1);
    this.totals = Int32Array.from({ length: batch }, (_, b) => this.#shown[(b + 1) * length - 1]!);
    this.x = tf.tensor3d(x.float32(), [batch, length, width]);
    this.media = tf.tensor3d(media.float32(), [batch, images * latents, mediaWidth]);
  }

  /** `imageCounts`: images shown up to each position of `x`. */
  run(x: tf.Tensor3D, weights: Weights, imageCounts = this.#shown): tf.Tensor3D {
    const { attend, blind } = this.#mode;
    const view = { batch: this.batch, images: this.#images, latents: this.#latents };
    const mask = mediaMask({ ...view, imageCounts, attend });
    return gatedBlock(x, this.media, {
      weights,
      name: this.#name,
      attention: { heads: this.#heads, mask, blind },
      memory: 'keep',
    });
  }
}
