/** The parameters of low-rank adapters, tensor-free: A and B of every matrix, packed ones part by part. */
import { type ParameterTensor, single } from '../catalog/parameter-tensor.ts';
import type { GroupedTensor } from '../grouped-tensor.ts';
import { type AdapterTarget, adapterTargets } from './options.ts';

/** A named matrix that has an adapter. */
export interface AdaptedPart {
  /** The Hugging Face name of its weight. */
  readonly name: string;
  /** Rows of the packed tensor that it takes. */
  readonly rows: number;
  readonly columns: number;
  /** Absent: it has no adapter, its neighbours have. */
  readonly adapter?: { readonly a: string; readonly b: string };
}

/** The parts of those tensors that have a part among the targets, by the tensor's key. */
export function adaptedMatrices(
  tensors: readonly ParameterTensor[],
  targets: readonly AdapterTarget[] = adapterTargets,
): ReadonlyMap<string, readonly AdaptedPart[]> {
  const wanted = (name: string) => targets.some((target) => name.endsWith(`.${target}.weight`));
  const adapted = tensors.filter(({ parts }) => parts.some(({ name }) => wanted(name)));
  return new Map(
    adapted.map(({ key, parts }) => [
      key,
      parts.map(({ name, shape }) => ({
        name,
        rows: shape[0]!,
        columns: shape[1]!,
        ...(wanted(name) && { adapter: adapterNames(name) }),
      })),
    ]),
  );
}

/** A and B of the linear layers among `tensors`, each in the group of its matrix. */
export const adapterTensors = (tensors: readonly GroupedTensor[], rank: number): GroupedTensor[] =>
  tensors.flatMap(({ group, depth, ...tensor }) =>
    adapterParameters(adaptedMatrices([tensor]), rank).map((adapter) => ({
      ...adapter,
      group,
      ...(depth !== undefined && { depth }),
    })),
  );

/** A [rank, in] and B [out, rank] of every adapted part, in the order of the matrices. */
export const adapterParameters = (
  matrices: ReadonlyMap<string, readonly AdaptedPart[]>,
  rank: number,
): ParameterTensor[] =>
  [...matrices.values()]
    .flat()
    .flatMap(({ rows, columns, adapter }) =>
      adapter ? [single(adapter.a, [rank, columns]), single(adapter.b, [rows, rank])] : [],
    );

/** Of the weight `...q_proj.weight`. PEFT writes them with `base_model.model.` in front. */
export function adapterNames(weight: string): { readonly a: string; readonly b: string } {
  const path = weight.replace(/\.weight$/, '');
  return { a: `${path}.lora_A.weight`, b: `${path}.lora_B.weight` };
}
