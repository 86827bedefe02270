/** The parameters of an architecture, tensor-free: what is computed with, and the Hugging Face parameters it packs. */

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface ParameterTensor {
  readonly key: string;
  readonly shape: readonly number[];
  readonly parts: readonly NamedShape[];
  /** Whether weight decay applies: not to vectors and scalars, nor to position tables (open_clip `optim.py`). */
  readonly decay: boolean;
}

/** A tensor that packs nothing. */
export const single = (name: string, shape: readonly number[]): ParameterTensor => ({
  key: name,
  shape,
  parts: [{ name, shape }],
  decay: shape.length >= 2,
});

/** Several parameters, one below the other in one tensor, so that one matrix product computes them all. */
export function stacked(key: string, parts: readonly NamedShape[]): ParameterTensor {
  const [, ...rest] = parts[0]!.shape;
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return { key, shape: [rows, ...rest], parts, decay: rest.length > 0 };
}

export const elementCount = (tensors: readonly ParameterTensor[]): number =>
  tensors.reduce((sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1), 0);
