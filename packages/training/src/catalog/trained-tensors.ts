/** Which parameters of a model a run trains: those of the method's groups, and of the groups that were unlocked. Tensor-free. */
import { type GroupedTensor, isInGroups } from '@triptych/models/catalog';
import type { ResolvedRunSpec } from '@triptych/protocol';
import type { ModelToFit } from './activation-budget.ts';

export function trainedGroups(
  { architecture }: Pick<ModelToFit, 'architecture'>,
  { method, unlock = [] }: Pick<ResolvedRunSpec, 'method' | 'unlock'>,
): { readonly trains: readonly string[]; readonly adapts: readonly string[] } {
  const { trains = [], adapts = [] } = architecture.methods[method] ?? {};
  return { trains: [...trains, ...unlock], adapts };
}

/** The tensors of the model, and adapters among the trained ones. */
export function partition(
  model: ModelToFit,
  spec: Pick<ResolvedRunSpec, 'method' | 'unlock' | 'adapter'>,
): { readonly trained: readonly GroupedTensor[]; readonly frozen: readonly GroupedTensor[] } {
  const { architecture, config } = model;
  const { trains, adapts } = trainedGroups(model, spec);
  const all = architecture.parameters(config);
  const isTrained = ({ group }: GroupedTensor) => isInGroups(group, trains);
  const adapters =
    spec.adapter && adapts.length > 0
      ? (architecture.adapters?.(config, { groups: adapts, rank: spec.adapter.rank }) ?? [])
      : [];
  return {
    trained: [...all.filter(isTrained), ...adapters],
    frozen: all.filter((tensor) => !isTrained(tensor)),
  };
}
