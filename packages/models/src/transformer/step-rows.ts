/** The rows that a decoding step writes, made once for a number of sequences. */
import type { Rows, StepKernels } from '@triptych/nn';

export type StepRows<Name extends string> = Readonly<Record<Name, Rows>>;

/** [batch, width] for each name. The caller releases them. */
export const stepRows = <Name extends string>(
  kernels: StepKernels,
  batch: number,
  widths: Readonly<Record<Name, number>>,
): StepRows<Name> =>
  Object.fromEntries(
    Object.entries<number>(widths).map(([name, width]) => [name, kernels.rows(batch, width)]),
  ) as StepRows<Name>;

export function releaseRows(kernels: StepKernels, rows: StepRows<string>): void {
  for (const one of Object.values(rows)) kernels.release(one);
}
