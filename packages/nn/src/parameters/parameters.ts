/** Parameters: the flat vector and, for the forward pass, its tensors on the backend. */
import assert from 'node:assert';
import type { InputGradient } from '../autodiff/propagation.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import type { ParameterLayout, PlacedTensor } from './layout.ts';
import { VectorReader } from './vector-reader.ts';

export class Parameters implements Disposable {
  readonly layout: ParameterLayout;
  /** The truth. After changing it, `upload()`. */
  readonly flat: Float32Array;
  readonly #variables = new Map<string, tf.Variable>();

  /** Adopts `flat` (zeros where absent) and uploads it. Throws OUT_OF_MEMORY where it does not fit, and leaves nothing. */
  constructor(layout: ParameterLayout, flat: Float32Array = new Float32Array(layout.length)) {
    assert(flat.length === layout.length, `${flat.length} floats for a layout of ${layout.length}`);
    this.layout = layout;
    this.flat = flat;
    try {
      for (const spec of layout.specs) {
        const values = this.#slice(spec);
        this.#variables.set(spec.key, tf.variable(values, true));
        values.dispose();
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Owned by the parameters; the same tensor for their whole life. */
  tensor(key: string): Tensor {
    const variable = this.#variables.get(key);
    assert(variable !== undefined, `there is no parameter tensor ${key}`);
    return variable;
  }

  /** In the order of the layout. */
  tensors(): Tensor[] {
    return [...this.#variables.values()];
  }

  /** Copies `flat` to the tensors. Recordings that are alive keep the values they were made with. */
  upload(): void {
    for (const spec of this.layout.specs) {
      const values = this.#slice(spec);
      this.#variables.get(spec.key)!.assign(values);
      values.dispose();
    }
  }

  dispose(): void {
    for (const variable of this.#variables.values()) variable.dispose();
    this.#variables.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The wasm backend copies at once; the others keep the array that they are given, and must not keep a window on `flat`. */
  #slice({ offset, length, shape }: PlacedTensor): Tensor {
    const window = this.flat.subarray(offset, offset + length);
    const values = tf.getBackend() === 'wasm' ? window : window.slice();
    return tf.tensor(values, shape as number[], 'float32');
  }
}

/** Writes the gradient of each tensor of the layout into the flat vector `out`; disposes nothing. */
export async function gradientsInto(
  gradients: readonly Tensor[],
  layout: ParameterLayout,
  out: Float32Array,
): Promise<void> {
  assert(gradients.length === layout.specs.length, 'one gradient is needed for each tensor of the layout');
  const reader = readerInto(out, layout);
  try {
    for (const [i, spec] of layout.specs.entries()) {
      assertSize(gradients[i]!, spec);
      await reader.read(gradients[i]!, spec.offset);
    }
  } finally {
    await reader.finish();
  }
}

/** The same from a recording that is drained: each gradient is disposed as soon as it has been read. */
export async function drainInto(
  gradients: Iterable<InputGradient>,
  layout: ParameterLayout,
  out: Float32Array,
): Promise<void> {
  const reader = readerInto(out, layout);
  const missing = new Set(layout.specs.keys());
  try {
    for (const { input, gradient } of gradients) {
      assert(missing.delete(input), `gradient ${input} is not one of the layout's, or comes twice`);
      const spec = layout.specs[input]!;
      assertSize(gradient, spec);
      await reader.read(gradient, spec.offset, () => gradient.dispose());
    }
  } finally {
    await reader.finish();
  }
  assert(missing.size === 0, `${missing.size} of ${layout.specs.length} gradients did not come`);
}

function readerInto(out: Float32Array, layout: ParameterLayout): VectorReader {
  assert(out.length === layout.length, `${out.length} floats for a layout of ${layout.length}`);
  return new VectorReader(out);
}

function assertSize(gradient: Tensor, { key, length }: PlacedTensor): void {
  assert(gradient.size === length, `the gradient of ${key} has ${gradient.size} of ${length} floats`);
}
