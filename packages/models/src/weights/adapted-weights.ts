/**
 * The weights of a model and a PEFT adapter that lies beside them: as one model, and apart, for a training that goes on with
 * the same matrices. Nothing is computed before a weight is read. Tensor-free.
 */
import { setImmediate } from 'node:timers/promises';
import { adapterScale } from '../lora/options.ts';
import { adapterNames } from '../lora/parameters.ts';
import type { NamedWeight, NamedWeights } from './named-weights.ts';
import type { PeftAdapter } from './peft-adapter.ts';
import type { PeftOptions } from './peft-config.ts';
import { floatsOf } from './stored-tensor.ts';

export interface AdaptedWeights {
  readonly options: PeftOptions;
  /** Of all that the adapter holds: A, B, and what it replaces. */
  readonly names: readonly string[];
  /** W + scale B A where there are matrices; what the adapter replaces as a whole is replaced. */
  readonly merged: NamedWeights;
  /** The weights without the matrices, what is replaced replaced; and A and B under their own names. */
  readonly apart: NamedWeights;
}

/** Both under canonical names. */
export function adaptedWeights(
  weights: NamedWeights,
  { options, matrices, whole }: Omit<PeftAdapter, 'paths'>,
): AdaptedWeights {
  const replaced = new Map([...weights, ...whole]);
  const scale = adapterScale(options);
  const merged = [...replaced].map(([name, weight]): [string, NamedWeight] => {
    const { a, b } = adapterNames(name);
    const [narrow, wide] = [matrices.get(a), matrices.get(b)];
    return [name, narrow && wide ? sum(weight, { a: narrow, b: wide, scale }) : weight];
  });
  const names = [...matrices.keys(), ...whole.keys()];
  return { options, names, merged: new Map(merged), apart: new Map([...replaced, ...matrices]) };
}

interface Matrices {
  /** [rank, in] */
  readonly a: NamedWeight;
  /** [out, rank] */
  readonly b: NamedWeight;
  readonly scale: number;
}

/** Rows between which others have their turn: a control plane that merges goes on answering. */
const ROWS = 128;

const sum = (weight: NamedWeight, { a, b, scale }: Matrices): NamedWeight => ({
  shape: weight.shape,
  dtype: 'F32',
  read: async () => {
    const [values, narrow, wide] = [await weight.read(), await a.read(), await b.read()].map(floatsOf) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [rows, columns] = weight.shape as [number, number];
    const data = Float32Array.from(values);
    for (let row = 0; row < rows; row++) {
      if (row % ROWS === ROWS - 1) await setImmediate();
      const factors = wide.subarray((row * wide.length) / rows, ((row + 1) * wide.length) / rows);
      addProduct(data.subarray(row * columns, (row + 1) * columns), { factors, matrix: narrow, scale });
    }
    return { shape: weight.shape, dtype: 'F32', data };
  },
});

/**
 * `row` [columns] plus scale times `factors` [rank] times `matrix` [rank, columns]. Added in double precision and rounded once,
 * so that the sum is the same beside every engine, and half a float32 off at most.
 */
function addProduct(
  row: Float32Array,
  {
    factors,
    matrix,
    scale,
  }: { readonly factors: Float32Array; readonly matrix: Float32Array; readonly scale: number },
): void {
  const product = new Float64Array(row.length);
  for (const [k, factor] of factors.entries()) {
    const [scaled, from] = [scale * factor, k * row.length];
    for (let j = 0; j < row.length; j++) product[j]! += scaled * matrix[from + j]!;
  }
  for (let j = 0; j < row.length; j++) row[j]! += product[j]!;
}
