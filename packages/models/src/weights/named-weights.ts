/** Weights by name as they lie in files: shape and type are known, numbers are read when they are asked for. Tensor-free. */
import type { SafetensorsDtype, WeightFiles } from '@triptych/nn/safetensors';
import { TriptychError } from '@triptych/protocol';
import type { StoredTensor, WeightSource } from './weight-source.ts';

export interface NamedWeight {
  readonly shape: readonly number[];
  /** As in the file; only F32, F16 and BF16 can be read. */
  readonly dtype: SafetensorsDtype;
  /** In arrays of their own. @throws TriptychError MODEL_INVALID. */
  read(): Promise<StoredTensor>;
}

export type NamedWeights = ReadonlyMap<string, NamedWeight>;

/** Under the names of the file. */
export const weightsOfFiles = (files: WeightFiles): NamedWeights =>
  new Map(
    [...files.entries].map(([name, { shape, dtype }]) => [
      name,
      { shape, dtype, read: async () => stored(name, { shape, dtype }, await files.read(name)) },
    ]),
  );

/** Canonical weights as the source of a model. */
export const sourceOf = (weights: NamedWeights): WeightSource => ({
  has: (name) => weights.has(name),
  read: (name) => {
    const weight = weights.get(name);
    if (!weight) throw new TriptychError('MODEL_INVALID', `The weights have no ${name}`);
    return weight.read();
  },
});

/** Part `part` of `parts` equal ones, one below the other. */
export const rowsOf = (
  weight: NamedWeight,
  { part, parts }: { readonly part: number; readonly parts: number },
): NamedWeight => {
  const rows = (weight.shape[0] ?? 0) / parts;
  return rowRange(weight, { from: part * rows, to: (part + 1) * rows });
};

/** Rows `from`, ..., `to - 1`. */
export const rowRange = (
  { shape, dtype, read }: NamedWeight,
  { from, to }: { readonly from: number; readonly to: number },
): NamedWeight => {
  const [rows = 0, ...rest] = shape;
  const ours = [to - from, ...rest];
  return {
    shape: ours,
    dtype,
    read: async () => {
      const whole = await read();
      const row = whole.data.length / rows;
      return { ...whole, shape: ours, data: whole.data.slice(from * row, to * row) } as StoredTensor;
    },
  };
};

/** A matrix with rows and columns exchanged. */
export const transposed = ({ shape, dtype, read }: NamedWeight): NamedWeight => {
  const [rows = 0, columns = 0] = shape;
  return {
    shape: [columns, rows],
    dtype,
    read: async () => {
      const { data, ...rest } = await read();
      const turned = data.slice();
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++)
          turned[column * rows + row] = data[row * columns + column]!;
      return { ...rest, shape: [columns, rows], data: turned } as StoredTensor;
    },
  };
};

/** Several of one type, one below the other. */
export const stackedRows = (weights: readonly NamedWeight[]): NamedWeight => {
  const [first] = weights as [NamedWeight];
  const shape = [weights.reduce((rows, one) => rows + (one.shape[0] ?? 0), 0), ...first.shape.slice(1)];
  return {
    shape,
    dtype: first.dtype,
    read: async () => {
      const elements = shape.reduce((product, extent) => product * extent, 1);
      const data = first.dtype === 'F32' ? new Float32Array(elements) : new Uint16Array(elements);
      let at = 0;
      for (const weight of weights) {
        const part = await weight.read();
        data.set(part.data, at);
        at += part.data.length;
      }
      return { shape, dtype: first.dtype, data } as StoredTensor;
    },
  };
};

function stored(
  name: string,
  { shape, dtype }: Pick<NamedWeight, 'shape' | 'dtype'>,
  { buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>,
): StoredTensor {
  if (dtype === 'F32') return { shape, dtype, data: new Float32Array(buffer, byteOffset, byteLength / 4) };
  if (dtype === 'F16' || dtype === 'BF16')
    return { shape, dtype, data: new Uint16Array(buffer, byteOffset, byteLength / 2) };
  throw new TriptychError(
    'MODEL_INVALID',
    `${name} is of type ${dtype}; export the weights as F32, F16 or BF16`,
  );
}
