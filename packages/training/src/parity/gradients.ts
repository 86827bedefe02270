/** Gradients by parameter name, from a recording. */
import { gradientsInto, type Parameters, type Recording, type Tensor, tf } from '@triptych/nn';

/** Of the inputs that come before the parameters, and of every named parameter. Disposes `outputGradients`. */
export interface NamedGradients {
  readonly inputs: readonly Float32Array[];
  readonly parameters: ReadonlyMap<string, Float32Array>;
  /** All of the parameters, in the order of the layout. */
  readonly flat: Float32Array;
}

/**
 * The recording's inputs are `inputs` tensors and then those of `parameters`. Of outputs without a gradient (`undefined`)
 * nothing depends.
 */
export async function namedGradients(
  recording: Recording,
  {
    outputGradients,
    parameters,
    inputs = 0,
  }: {
    readonly outputGradients: readonly (Tensor | undefined)[];
    readonly parameters: Parameters;
    readonly inputs?: number;
  },
): Promise<NamedGradients> {
  const { layout } = parameters;
  const seeds = outputGradients.map((seed, i) => seed ?? tf.zerosLike(recording.outputs[i]!));
  const gradients = recording.backward(seeds);
  try {
    const flat = new Float32Array(layout.length);
    await gradientsInto(gradients.slice(inputs), layout, flat);
    const ofInputs = [];
    for (const gradient of gradients.slice(0, inputs))
      ofInputs.push(Float32Array.from(await gradient.data<'float32'>()));
    const named = new Map<string, Float32Array>();
    for (const { name, offset, length } of layout.named())
      named.set(name, flat.subarray(offset, offset + length));
    return { inputs: ofInputs, parameters: named, flat };
  } finally {
    tf.dispose([...gradients, ...seeds]);
  }
}
