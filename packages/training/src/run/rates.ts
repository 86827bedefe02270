/** Learning rate and weight decay of each trained tensor: what a run says of its group, and how deep it lies in its tower. */
import { type GroupedTensor, isInGroup } from '@triptych/models/catalog';
import type { TensorRates } from '@triptych/nn';
import type { ResolvedRunSpec } from '@triptych/protocol';

/** By key. Of several groups that hold a tensor, the most specific one counts. */
export function ratesOf(
  tensors: readonly GroupedTensor[],
  { groups = {}, layerDecay = 1, optimizer }: Pick<ResolvedRunSpec, 'groups' | 'layerDecay' | 'optimizer'>,
): ReadonlyMap<string, TensorRates> {
  const tops = new Map<string, number>();
  for (const { group, depth } of tensors)
    if (depth !== undefined) tops.set(towerOf(group), Math.max(depth, tops.get(towerOf(group)) ?? 0));
  return new Map(
    tensors.map(({ key, group, depth }) => {
      const path = Object.keys(groups)
        .filter((one) => isInGroup(group, one))
        .sort((a, b) => b.length - a.length)[0];
      const { learningRate = optimizer.learningRate, weightDecay } = path === undefined ? {} : groups[path]!;
      const above = depth === undefined ? 0 : tops.get(towerOf(group))! - depth;
      const learningRateFactor = (learningRate / optimizer.learningRate) * layerDecay ** above;
      return [key, { learningRateFactor, ...(weightDecay === undefined ? {} : { weightDecay }) }];
    }),
  );
}

const towerOf = (group: string): string => group.split('/')[0]!;
