/** Parameters: the flat vector and, for the forward pass, its tensors on the backend. */
import assert from 'node:assert';
import { kernels } from '../kernels/kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import type { ParameterLayout, PlacedTensor } from './layout.ts';

export class Parameters implements Disposable {
  readonly layout: ParameterLayout;
  /** The truth. After changing it, `upload()`. */
  readonly flat: Float32Array;
  readonly #variables: Map<string, tf.Variable>;

  /** Adopts `flat` (zeros where absent) and uploads it. */
  constructor(layout: ParameterLayout, flat: Float32Array = new Float32Array(layout.length)) {
    assert(flat.length === layout.length, `${flat.length} floats for a layout of ${layout.length}`);
    this.layout = layout;
    this.flat = flat;
    this.#variables = new Map(
      layout.specs.map((spec) => {
        const values = this.#slice(spec);
        const variable = tf.variable(values, true);
        values.dispose();
        return [spec.key, variable];
      }),
    );
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
  assert(out.length === layout.length, `${out.length} floats for a layout of ${layout.length}`);
  for (const [i, { offset, length, key }] of layout.specs.entries()) {
    const gradient = gradients[i]!;
    assert(gradient.size === length, `the gradient of ${key} has ${gradient.size} of ${length} floats`);
    out.set(await kernels().read(gradient), offset);
  }
}
