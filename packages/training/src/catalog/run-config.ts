/** The configuration of the model that a run trains: its base's, with what the loss and the method bring. Tensor-free. */
import type { ResolvedRunSpec } from '@triptych/protocol';
import { objectives } from '../objectives/registry.ts';
import type { ModelToFit } from './activation-budget.ts';

export interface RunToConfigure extends Pick<ResolvedRunSpec, 'method' | 'objective'> {
  /** Of the dataset; what a head is trained on. */
  readonly classNames: readonly string[];
}

export function configForRun(
  { architecture, config }: ModelToFit,
  { method, objective, classNames }: RunToConfigure,
): object {
  const scalars = Object.entries(objectives[objective.kind]!.scalars).flatMap(([name, { initial }]) =>
    initial === undefined ? [] : [[name, initial]],
  );
  const withLoss = architecture.forScalars(config, Object.fromEntries(scalars));
  const { head } = architecture.methods[method]!;
  return architecture.forClasses?.(withLoss, head && classNames) ?? withLoss;
}
