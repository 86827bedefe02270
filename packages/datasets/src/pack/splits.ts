/** Order of the splits and of the samples in a manifest, and what must hold at its end. */
import { type Split, TriptychError } from '@triptych/protocol';
import { type ProblemKind, type ProblemLog, remedies } from './problems.ts';

export const splitOrder: readonly Split[] = ['train', 'validation', 'test'];

/** By split, then by id. */
export const inManifestOrder = <T extends { split: Split; id: string }>(samples: readonly T[]): T[] =>
  samples.toSorted(
    (a, b) => splitOrder.indexOf(a.split) - splitOrder.indexOf(b.split) || compare(a.id, b.id),
  );

/** By code unit: the same on every machine, whatever its locale. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Throws DATASET_INVALID with every problem where nothing is left. */
export function requireSome(samples: readonly unknown[], path: string, problems: ProblemLog): void {
  if (samples.length > 0) return;
  const found = problems.describe() || 'no samples were found';
  throw new TriptychError('DATASET_INVALID', `"${path}" has no usable sample: ${found}`, {
    violations: problems.list().map(({ kind, count, examples }) => ({
      path: '/path',
      expected: 'usable samples',
      actual: `${count} ${kind}: ${examples.join('; ')}`,
      remedy: remedies[kind as ProblemKind],
    })),
  });
}
